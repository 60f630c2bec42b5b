/** Real images of a run, for checking and calibrating what is exported. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { decodeFile, openDataset, type RgbImage } from '../data/index.js'
import { readConfig } from '../training/index.js'

/** Images of one part of a run's split, with the positions of their classes among the run's. */
export interface RunImages {
  readonly part: 'train' | 'val' | 'test'
  readonly paths: readonly string[]
  readonly labels: readonly number[]
}

/** Items at equal distances, at most `count`. */
export const spread = <Item>(items: readonly Item[], count: number): Item[] =>
  items.length <= count
    ? [...items]
    : Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!)

/**
 * The images of the first of the parts that has some; undefined where it is a model's folder alone, or the images are
 * no longer there. Only what the data set lists is opened, whatever the run folder says.
 */
export async function imagesOf(run: string, parts: readonly RunImages['part'][]): Promise<RunImages | undefined> {
  if (!existsSync(join(run, 'config.json'))) return undefined
  const config = await readConfig(run)
  const data = await openDataset(config.data, config.options).catch(() => undefined)
  if (!data) return undefined
  const labels = new Map(data.samples.map(({ path, label }) => [path, config.classes.indexOf(data.classes[label]!)]))
  for (const part of parts) {
    const known = config.split[part].filter(path => (labels.get(path) ?? -1) >= 0)
    if (known.length === 0) continue
    return { part, paths: known.map(path => resolve(data.root, path)), labels: known.map(path => labels.get(path)!) }
  }
  return undefined
}

/** Those that can be decoded. */
export async function decoded(paths: readonly string[]): Promise<RgbImage[]> {
  const images = await Promise.all(paths.map(path => decodeFile(path).catch(() => undefined)))
  return images.filter(image => image !== undefined)
}
