/** Tells whether two machines see the same images: every path, class and size, and the contents of some. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { bytes } from '../../base/bytes.js'
import { randomStream, shuffled } from '../../base/random.js'
import type { Dataset } from '../../data/index.js'
import type { Fingerprint } from './messages.js'

/** How many images are read. */
const sampled = 16
/** How many files are looked at together: over a network each look takes its time. */
const atOnce = 64

/** Sizes of a data set's files; -1 for what is not there. */
async function sizesOf({ root, samples }: Dataset): Promise<number[]> {
  const sizes: number[] = []
  for (let first = 0; first < samples.length; first += atOnce)
    sizes.push(
      ...(await Promise.all(
        samples.slice(first, first + atOnce).map(({ path }) =>
          stat(join(root, path)).then(
            ({ size }) => size,
            () => -1,
          ),
        ),
      )),
    )
  return sizes
}

const hashOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path).catch(() => ''))
    .digest('hex')

export async function fingerprintOf(data: Dataset): Promise<Fingerprint> {
  const { root, classes, samples } = data
  const sizes = await sizesOf(data)
  const list = createHash('sha256').update(JSON.stringify(classes))
  for (const [i, { path, label }] of samples.entries()) list.update(`${path}\0${label}\0${sizes[i]}\n`)
  const chosen = shuffled([...samples.keys()], randomStream(0, 'fingerprint')).slice(0, sampled)
  const sample = chosen.map(async index => {
    const { path } = samples[index]!
    return { path, sha256: await hashOf(join(root, path)) }
  })
  return {
    images: samples.length,
    bytes: sizes.reduce((sum, size) => sum + Math.max(size, 0), 0),
    classes: classes.length,
    list: list.digest('hex'),
    sample: await Promise.all(sample),
  }
}

/** How the images that are seen here differ from the study's, in words; undefined where they are the same. */
export function differenceOf(study: Fingerprint, here: Fingerprint): string | undefined {
  const inWords = ({ images, classes, bytes: size }: Fingerprint) =>
    `${images} images of ${classes} classes, ${bytes(size)}`
  if (study.images !== here.images || study.classes !== here.classes || study.bytes !== here.bytes)
    return `there are ${inWords(here)}; the study has ${inWords(study)}`
  if (study.list !== here.list) return `there are as many images, but not of the same names, classes and sizes`
  const other = study.sample.find(({ sha256 }, i) => here.sample[i]?.sha256 !== sha256)
  return other && `${other.path} is another image than the study's of the same name and size`
}
