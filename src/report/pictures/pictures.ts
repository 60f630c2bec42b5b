/** Keeps small pictures of a run's images below its folder, so that its report needs the images no more. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic, writeJson } from '../../base/files.js'
import { forEachBounded } from '../../data/bounded.js'
import { openDataset } from '../../data/index.js'
import { type ReportedRun, readRun } from '../readRun.js'
import { type Measured, mistakesOf, mostConfused, worstMistakes } from './mistakes.js'
import { type PictureIndex, pictureFolder, pictureIndexFile } from './pictureIndex.js'
import { thumbnailOf } from './thumbnail.js'

const CLASSES = 40
export const WORST = 24
export const PAIRS = 10
export const PER_PAIR = 3
const AT_ONCE = 4

/** Says where in an image a network sees a class; the inference room has it. */
export interface Explaining {
  explain(image: Uint8Array, name: string): Promise<{ overlay(): Promise<Uint8Array> }>
  close(): Promise<void>
}

/**
 * Keeps JPEG thumbnails below `<run>/pictures`: training images of up to 40 classes, the worst mistakes, and images
 * of the most confused pairs of classes; and the number of images of each class. Images that cannot be read any more are left out.
 * @param run folder of a finished run
 * @param openImage gives the bytes of an image by its path in the split; by default the file below the run's data folder
 * @param explainer draws heat maps over the worst mistakes, where it is given
 * @throws RegraftError where the data folder is no longer there
 */
export async function collectPictures(
  run: string,
  openImage?: (path: string) => Promise<Uint8Array>,
  explainer?: Explaining,
): Promise<PictureIndex> {
  const content = await readRun(run)
  const { config } = content
  const data = await openDataset(config.data, config.options)
  // Only what the data set lists is ever opened, whatever the run folder says.
  const labels = new Map(data.samples.map(({ path, label }) => [path, data.classes[label]!]))
  const known = (paths: readonly string[]) => paths.filter(path => labels.has(path))
  const countsOf = (paths: readonly string[]) => {
    const counts = new Map<string, number>()
    for (const path of known(paths)) counts.set(labels.get(path)!, (counts.get(labels.get(path)!) ?? 0) + 1)
    return config.classes.map(name => counts.get(name) ?? 0)
  }
  const open = openImage ?? (path => readFile(join(data.root, path)))
  const samples = samplePaths(config.classes, known(config.split.train), labels)
  const { train, val, test } = config.split
  const index: PictureIndex = {
    counts: { train: countsOf(train), validation: countsOf(val), test: countsOf(test) },
    samples: (await keep(run, 'sample', samples, open)).map(kept => ({ ...kept, class: labels.get(kept.path)! })),
    mistakes: await keep(run, 'mistake', known(mistakePaths(content)), open),
  }
  if (explainer) await addHeat(run, index, content, explainer, open)
  await writeJson(pictureIndexFile(run), index)
  return index
}

/** Two training images of each class where there are few classes, else one; of many classes a selection at equal distances. */
function samplePaths(
  classes: readonly string[],
  train: readonly string[],
  labels: ReadonlyMap<string, string>,
): string[] {
  const shown = classes.filter(
    (_, i) =>
      classes.length <= CLASSES ||
      Math.floor((i * CLASSES) / classes.length) !== Math.floor(((i - 1) * CLASSES) / classes.length),
  )
  const each = classes.length <= CLASSES / 2 ? 2 : 1
  return shown.flatMap(name => train.filter(path => labels.get(path) === name).slice(0, each))
}

function mistakePaths({ result, predictions, config }: Omit<Measured, 'folder'>): string[] {
  const pairs = result ? mostConfused(result.confusion, config.classes, PAIRS) : []
  const shown = [
    ...worstMistakes(predictions, WORST),
    ...pairs.flatMap(pair => mistakesOf(pair, predictions).slice(0, PER_PAIR)),
  ]
  return [...new Set(shown.map(({ path }) => path))]
}

/** Keeps pictures of the mistakes that a report shows, below a folder that is no run's. */
export const keepMistakes = (
  measured: Measured,
  open: (path: string) => Promise<Uint8Array>,
): Promise<PictureIndex['mistakes']> => keep(measured.folder, 'mistake', mistakePaths(measured), open)

/** Draws where the network saw the class that it took the worst mistakes for. */
async function addHeat(
  run: string,
  index: PictureIndex,
  { predictions }: ReportedRun,
  explainer: Explaining,
  open: (path: string) => Promise<Uint8Array>,
): Promise<void> {
  const taken = new Map(worstMistakes(predictions, WORST).map(({ path, predictedClass }) => [path, predictedClass]))
  for (const mistake of index.mistakes) {
    const name = taken.get(mistake.path)
    if (name === undefined) continue
    const drawn = async (path: string) => (await explainer.explain(await open(path), name)).overlay()
    const [kept] = await keep(run, 'heat', [mistake.path], drawn, numberOf(mistake.file))
    if (kept) mistake.heat = kept.file
  }
}

const numberOf = (file: string): number => Number(/\d+/.exec(file))

/** Writes thumbnails; those that cannot be made are left out. */
async function keep(
  run: string,
  kind: 'sample' | 'mistake' | 'heat',
  paths: readonly string[],
  open: (path: string) => Promise<Uint8Array>,
  first = 1,
): Promise<{ file: string; path: string }[]> {
  const numbered = paths.map((path, i) => ({ path, file: `${kind}-${String(first + i).padStart(3, '0')}.jpg` }))
  const kept = new Set<string>()
  await forEachBounded(numbered, AT_ONCE, async ({ path, file }) => {
    const jpeg = await open(path)
      .then(thumbnailOf)
      .catch(() => undefined)
    if (!jpeg) return
    await writeFileAtomic(join(pictureFolder(run), file), jpeg)
    kept.add(file)
  })
  return numbered.filter(({ file }) => kept.has(file))
}
