/** Files for tests: temporary folders and real images, made by sharp. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { afterAll } from 'vitest'
import type { Preprocessing } from '../base/preprocessing.js'
import { randomStream } from '../base/random.js'

/** What torchvision's V1 weights want. */
export const imagenet: Preprocessing = {
  size: 224,
  resize: 256,
  interpolation: 'bilinear',
  crop: 'center',
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
}

/** A new folder that goes when the tests of the file have run. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-data-'))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Writes files, given as path and content, below a folder. */
export async function writeFiles(root: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
}

/** Smooth random colours with some detail: it compresses like a photograph, and every place differs. */
export function picture(width: number, height: number, seed = 0): Sharp {
  const random = randomStream(seed, 'picture')
  const [a, b, c, d] = Array.from({ length: 4 }, () => 2 + random.next() * 5) as [number, number, number, number]
  const pixels = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3
      pixels[at] = 128 + 100 * Math.sin((a * x) / width + (b * y) / height)
      pixels[at + 1] = 128 + 100 * Math.cos((c * x) / width - (d * y) / height)
      pixels[at + 2] = (255 * (x + y)) / (width + height)
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

/** A scene of a hundred ellipses in random colours, so that every place looks different. */
export function scene(seed: number, width = 320, height = 240) {
  const random = randomStream(seed, 'scene')
  const shapes = Array.from({ length: 100 }, () => {
    const [x, y] = [random.next() * width, random.next() * height]
    const [rx, ry] = [4 + random.next() ** 2 * 40, 4 + random.next() ** 2 * 40]
    const colour = `rgb(${random.integer(256)},${random.integer(256)},${random.integer(256)})`
    return `<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${ry}" fill="${colour}" opacity="0.8"/>`
  })
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join('')}</svg>`
  return sharp(Buffer.from(svg)).flatten({ background: '#888' })
}

/** A small JPEG file. */
export const jpeg = (seed = 0, width = 40, height = 30) => picture(width, height, seed).jpeg().toBuffer()

/** Mean absolute difference of two images, in steps of 255. */
export function meanDifference(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} bytes against ${b.length}`)
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length
}
