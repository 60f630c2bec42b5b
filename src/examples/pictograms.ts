/** Draws sets of real image files: pictograms with varied colour, size, rotation, background, noise and clutter. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { type RandomStream, randomStream } from '../base/random.js'
import type { Shape } from './pictogramShapes.js'

const between = (random: RandomStream, low: number, high: number) => low + (high - low) * random.next()
const hsl = (hue: number, saturation: number, lightness: number) =>
  `hsl(${Math.round(hue) % 360} ${Math.round(saturation)}% ${Math.round(lightness)}%)`

/** One picture as SVG: the shape somewhere on a gradient, among blots of other colours. */
export function pictogram(shape: Shape, size: number, random: RandomStream): string {
  const hue = between(random, 0, 360)
  const light = random.next() < 0.5
  const ink = hsl(hue, between(random, 40, 95), light ? between(random, 16, 42) : between(random, 62, 88))
  const paper = [0, 1].map(() =>
    hsl(
      hue + between(random, 90, 270),
      between(random, 8, 60),
      light ? between(random, 68, 96) : between(random, 10, 36),
    ),
  )
  const stroke = between(random, 4, 9).toFixed(1)
  const outlined = random.next() < 0.3
  const line = `fill="none" stroke="${ink}" stroke-width="${stroke}" stroke-linecap="round" stroke-linejoin="round"`
  const fill = outlined ? line : `fill="${ink}"`
  const scale = between(random, 0.45, 0.85)
  const [x, y] = [between(random, 0, 100 * (1 - scale)), between(random, 0, 100 * (1 - scale))]
  const turn = between(random, -35, 35)
  const mirror = random.next() < 0.5 ? 'translate(100 0) scale(-1 1)' : ''
  const clutter = Array.from({ length: 6 }, () => {
    const colour = hsl(between(random, 0, 360), between(random, 20, 80), between(random, 30, 80))
    return `<ellipse cx="${between(random, 0, 100).toFixed(0)}" cy="${between(random, 0, 100).toFixed(0)}" rx="${between(random, 3, 14).toFixed(0)}" ry="${between(random, 3, 14).toFixed(0)}" fill="${colour}" opacity="${between(random, 0.15, 0.5).toFixed(2)}"/>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 100 100">`,
    `<linearGradient id="g" gradientTransform="rotate(${between(random, 0, 90).toFixed(0)})"><stop offset="0" stop-color="${paper[0]}"/><stop offset="1" stop-color="${paper[1]}"/></linearGradient>`,
    '<rect width="100" height="100" fill="url(#g)"/>',
    ...clutter.slice(0, 3),
    `<g transform="translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${scale.toFixed(3)}) rotate(${turn.toFixed(0)} 50 50) ${mirror}">${shape({ fill, line })}</g>`,
    ...clutter.slice(3),
    '</svg>',
  ].join('')
}

export interface PictogramSet {
  readonly shapes: Readonly<Record<string, Shape>>
  readonly imagesPerClass: number
  /** Side in pixels. */
  readonly size: number
  readonly seed: number
}

/** Writes `imagesPerClass` JPEG files into a folder for each class; the same seed gives the same pictures. */
export async function drawPictograms(
  folder: string,
  { shapes, imagesPerClass, size, seed }: PictogramSet,
): Promise<void> {
  for (const [name, shape] of Object.entries(shapes)) {
    await mkdir(join(folder, name), { recursive: true })
    for (let first = 0; first < imagesPerClass; first += 16)
      await Promise.all(
        Array.from({ length: Math.min(16, imagesPerClass - first) }, async (_, k) => {
          const random = randomStream(seed, name, first + k)
          const { data, info } = await sharp(Buffer.from(pictogram(shape, size, random)))
            .removeAlpha()
            .raw()
            .toBuffer({ resolveWithObject: true })
          const noise = between(random, 2, 22)
          for (let i = 0; i < data.length; i++)
            data[i] = Math.max(0, Math.min(255, Math.round(data[i]! + noise * random.normal())))
          const path = join(folder, name, `${String(first + k + 1).padStart(4, '0')}.jpg`)
          await sharp(data, { raw: info }).jpeg({ quality: 88 }).toFile(path)
        }),
      )
  }
}
