/** Whether runs can be compared: on which images they were tested, and, where on the same, how they differ image by image. */
import { createHash } from 'node:crypto'
import { basename, resolve } from 'node:path'
import { plural } from '../base/plural.js'
import { comparePairs, outcomesOf, type StudyCell } from '../study/index.js'
import type { RunSummary } from '../training/index.js'
import { table } from './terminal/table.js'

type Part = 'val' | 'test'

/** What a run's images of a part are told apart by. */
const imagesOf = ({ config }: RunSummary, part: Part): string =>
  createHash('sha1')
    .update(JSON.stringify([resolve(config.data), [...config.split[part]].sort()]))
    .digest('hex')

/** What to say where runs were measured on different images; undefined where all saw the same. */
export function differentImages(runs: readonly RunSummary[]): string | undefined {
  const groups = (part: Part) => {
    const found = new Map<string, RunSummary[]>()
    for (const run of runs) found.set(imagesOf(run, part), [...(found.get(imagesOf(run, part)) ?? []), run])
    return [...found.values()]
  }
  const [tests, vals] = [groups('test'), groups('val')]
  if (tests.length === 1 && vals.length === 1) return undefined
  const [part, name, apart] =
    tests.length > 1 ? (['test', 'test', tests] as const) : (['val', 'validation', vals] as const)
  const told = apart.map(([first, ...more]) => {
    const { config } = first!
    const names = [first!, ...more].map(({ run }) => run).join(', ')
    return `${names}: ${plural(config.split[part].length, 'image')} of ${basename(resolve(config.data))}`
  })
  const oneFolder = new Set(runs.map(({ config }) => resolve(config.data))).size === 1
  const advice = oneFolder ? '; train with the same --split and --split-seed to compare' : ''
  return `these runs have different ${name} images, so differences of ${name} accuracy may come from those (${told.join('; ')})${advice}`
}

/** Each pair of runs on the test images that all share, or nothing where there is nothing to compare. */
export async function inPairs(runs: readonly RunSummary[]): Promise<string | undefined> {
  const finished = runs.filter(({ result }) => result?.test)
  if (finished.length < 2 || new Set(finished.map(run => imagesOf(run, 'test'))).size > 1) return undefined
  const cells = finished.map((): StudyCell => ({ settings: {}, runs: [] }))
  const rights = await Promise.all(finished.map(({ run }) => outcomesOf(run)))
  const outcomes = new Map(cells.map((cell, i) => [cell, new Map([[0, rights[i]!]])]))
  const pairs = finished.flatMap((_, a) => finished.slice(a + 1).map((_, i) => [a, a + 1 + i] as const))
  const compared = comparePairs(
    pairs.map(([a, b]) => [cells[a]!, cells[b]!] as const),
    outcomes,
  )
  if (!compared) return undefined
  const several = pairs.length > 1
  const rows = compared.map(({ onlyFirst, onlySecond, p, corrected }, i) => [
    finished[pairs[i]![0]]!.run,
    finished[pairs[i]![1]]!.run,
    String(onlyFirst),
    String(onlySecond),
    p.toFixed(3),
    ...(several ? [corrected.toFixed(3)] : []),
  ])
  const headers = ['a', 'b', 'only a right', 'only b right', 'p', ...(several ? ['p (Holm)'] : [])]
  const title = `In pairs, on the same ${plural(finished[0]!.result!.test!.images, 'test image')} (McNemar's exact test; below 0.05 they differ):`
  return `${title}\n${table(headers, rows, { spare: several ? ['p'] : [] })}`
}
