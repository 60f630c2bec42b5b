/** Labels that were swapped on purpose are found, and are told in a page and a table. */
import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { beforeAll, expect, it } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { randomStream, shuffled } from '../base/random.js'
import { imageFolder, labelledImages } from '../data/index.js'
import { demoShapes } from '../examples/pictogramShapes.js'
import { drawPictograms } from '../examples/pictograms.js'
import { writeLabelAudit } from '../report/index.js'
import { auditLabels, type LabelAudit } from './auditLabels.js'
import { train } from './train.js'

const at = temporaryFolder()
const names = ['house', 'key', 'cup', 'fish']
const each = 40
const swapped = new Set<string>()
let found: LabelAudit
let again: LabelAudit

beforeAll(async () => {
  const shapes = Object.fromEntries(names.map(name => [name, demoShapes[name]!]))
  const [run, images, labels] = [at('run'), at('images'), at('labels.csv')]
  await drawPictograms(images, { shapes, imagesPerClass: each, size: 64, seed: 3 })
  const all = (await imageFolder(images)).samples.map(({ path }) => ({ path, name: path.split('/')[0]! }))
  const random = randomStream(1, 'swap')
  const wrong = new Set(shuffled([...all.keys()], random).slice(0, 16))
  const rows = all.map(({ path, name }, i) => {
    if (wrong.has(i)) swapped.add(path)
    return `${path},${wrong.has(i) ? names[(names.indexOf(name) + 1 + random.integer(3)) % 4] : name}`
  })
  await writeFile(labels, ['path,label', ...rows].join('\n'))
  const data = await labelledImages(labels, { root: images })
  await train(data, { network: 'resnet18-narrow', lrBackbone: 0, epochs: 1, labels, groupDuplicates: 'none', run })
  found = await auditLabels(run)
  again = await auditLabels(run)
})

it('finds at least 80 % of them among as many as were swapped and a tenth', () => {
  const first = found.doubts.slice(0, Math.round(1.1 * swapped.size))
  expect(first.filter(({ path }) => swapped.has(path)).length).toBeGreaterThanOrEqual(0.8 * swapped.size)
  expect(found.images).toBe(4 * each)
  expect(found.agreeing).toBe(4 * each - found.doubts.length)
})

it('says what each of them looks like', () => {
  const right = found.doubts.filter(({ path }) => swapped.has(path))
  const named = right.filter(({ path, suggested }) => path.startsWith(`${suggested}/`))
  expect(named.length).toBeGreaterThan(0.8 * right.length)
})

it('looks at what is left once images were taken out, and says how many are gone', async () => {
  await cp(at('images'), at('fewer'), { recursive: true })
  await cp(at('run'), at('moved'), { recursive: true })
  const lines = (await readFile(at('labels.csv'), 'utf8')).split('\n')
  const gone = found.doubts.slice(0, 5).map(({ path }) => path)
  const list = at('fewer.csv')
  await writeFile(list, lines.filter(line => !gone.includes(line.split(',')[0]!)).join('\n'))
  for (const path of gone) await rm(at(`fewer/${path}`))
  const config = JSON.parse(await readFile(at('moved/config.json'), 'utf8'))
  config.options.labels = list
  await writeFile(at('moved/config.json'), JSON.stringify({ ...config, data: at('fewer') }))
  const left = await auditLabels(at('moved'))
  expect([left.images, left.missing, found.missing]).toEqual([4 * each - 5, 5, 0])
  expect(left.doubts.map(({ path }) => path)).not.toEqual(expect.arrayContaining(gone.slice(0, 1)))
  await writeFile(list, `path,label\n${['a', 'b'].map(name => `new/${name}.png,${name}`).join('\n')}\n`)
  await mkdir(at('fewer/new'))
  for (const name of ['a', 'b']) await copyFile(at(`fewer/${lines[20]!.split(',')[0]}`), at(`fewer/new/${name}.png`))
  await expect(auditLabels(at('moved'))).rejects.toThrow('none of the images of')
})

it('finds the same a second time', () => expect(again.doubts).toEqual(found.doubts))

it('shows them with pictures, and as a table', async () => {
  const { page, table } = await writeLabelAudit(at('run'), found)
  const lines = (await readFile(table, 'utf8')).trim().split('\n')
  expect(lines[0]).toBe('path,label,suggested,label_probability,suggested_probability,doubt')
  expect(lines).toHaveLength(1 + found.doubts.length)
  expect(lines[1]).toMatch(/^\w+\/\d+\.jpg,\w+,\w+,0\.\d{4},[01]\.\d{4},likely wrong$/)
  const html = await readFile(page, 'utf8')
  const shown = html.match(/<img src="data:image\/jpeg;base64/g) ?? []
  expect(shown).toHaveLength(found.doubts.length)
  expect(html).toContain(`looks like <strong>${found.doubts[0]!.suggested}</strong>`)
})
