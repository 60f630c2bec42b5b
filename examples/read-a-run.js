/** What a run folder holds: its curve, its result, and the classes that it confuses most. Plain JSON and CSV, no library needed. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const [run = 'runs/photos'] = process.argv.slice(2)
/** @param {string} name */
const text = name => readFile(join(run, name), 'utf8')

const config = JSON.parse(await text('config.json'))
console.log(`${config.network} on ${config.classes.length} classes, ${config.split.train.length} training images`)

for (const line of (await text('metrics.jsonl')).trim().split('\n')) {
  const { epoch, train, validation } = JSON.parse(line)
  console.log(
    `epoch ${epoch}: loss ${train.loss.toFixed(3)}, validation ${(100 * (validation?.top1 ?? 0)).toFixed(1)} %`,
  )
}

const { test, confusion } = JSON.parse(await text('result.json'))
if (test)
  console.log(
    `test accuracy ${(100 * test.top1).toFixed(1)} %, mean per class ${(100 * test.meanPerClass).toFixed(1)} %`,
  )

/** @type {{ images: number, is: string, taken: string }[]} */
const mistakes = confusion
  .flatMap((/** @type {number[]} */ row, /** @type {number} */ is) =>
    row.map((images, taken) => ({
      images: is === taken ? 0 : images,
      is: config.classes[is],
      taken: config.classes[taken],
    })),
  )
  .filter((/** @type {{ images: number }} */ { images }) => images > 0)
mistakes.sort((a, b) => b.images - a.images)
for (const { images, is, taken } of mistakes.slice(0, 5)) console.log(`${images} of ${is} taken for ${taken}`)
