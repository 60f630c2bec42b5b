/** Lays a heat map over the image that it explains. */
import sharp from 'sharp'
import type { Preprocessing } from '../base/preprocessing.js'
import { evaluationPlan, type RgbImage } from '../data/threads.js'
import { enlarge } from './heatMap.js'

/** Pixels of the overlay's longer side at most. */
const SIDE = 1024

/** Colours from cold to hot: five points of matplotlib's 'inferno', which is even for the eye and for the colour-blind. */
const inferno = [
  [0, 0, 4],
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
] as const

/** Share of the colour over the picture: the hottest places keep some of the picture. */
const mostColour = 0.65
/** What the network did not see keeps so much of its brightness. */
const dimmed = 0.35

function colour(heat: number): readonly [number, number, number] {
  const at = heat * (inferno.length - 1)
  const first = Math.min(Math.floor(at), inferno.length - 2)
  const [from, to] = [inferno[first]!, inferno[first + 1]!]
  return [0, 1, 2].map(c => from[c]! + (at - first) * (to[c]! - from[c]!)) as [number, number, number]
}

/**
 * A PNG with the map over the part that the network saw.
 * @param picture of the image, as `pictureOf` gives it; it stays as it is, and may be drawn again with another map
 * @param map `side` x `side` numbers from 0 to 1
 */
export async function overlay(
  picture: RgbImage,
  map: Float32Array,
  side: number,
  preprocessing: Preprocessing,
): Promise<Uint8Array> {
  const { width, height } = picture
  const pixels = picture.pixels.slice()
  const seen = seenPart(width, height, preprocessing)
  const heat = enlarge(map, side, seen.width, seen.height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = 3 * (y * width + x)
      const [column, row] = [x - seen.x, y - seen.y]
      const inside = column >= 0 && row >= 0 && column < seen.width && row < seen.height
      const hot = inside ? heat[row * seen.width + column]! : 0
      const share = inside ? mostColour * Math.min(1, 2 * hot) : 0
      const over = colour(hot)
      for (let c = 0; c < 3; c++)
        pixels[at + c] = Math.round((inside ? 1 - share : dimmed) * pixels[at + c]! + share * over[c]!)
    }
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
  return new Uint8Array(png)
}

/** What is kept of an image until it is drawn on: at most 1024 pixels a side, 3 MB where a photograph may have 150. */
export async function pictureOf({ pixels, width, height }: RgbImage): Promise<RgbImage> {
  const { data, info } = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { pixels: data, width: info.width, height: info.height }
}

/** The rectangle of an image that becomes the network's input. */
function seenPart(width: number, height: number, preprocessing: Preprocessing) {
  const { window, ...resized } = evaluationPlan(width, height, preprocessing)
  const [across, down] = [width / resized.width, height / resized.height]
  const [x, y] = [Math.round(window.x * across), Math.round(window.y * down)]
  const within = (start: number, length: number, most: number) =>
    Math.max(1, Math.min(Math.round(length), most - start))
  return { x, y, width: within(x, window.width * across, width), height: within(y, window.height * down, height) }
}
