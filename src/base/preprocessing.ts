/** How pixels become a network's input: data that travels with a network, never an assumption of the loader. */
import { z } from 'zod'
import { RegraftError } from './errors.js'

const three = z.tuple([z.number(), z.number(), z.number()]).readonly()

/** Pixels that an image's side is resized to at most. */
const MOST = 8192

/** Checks a `Preprocessing` that comes from a file. */
export const preprocessingSchema = z
  .object({
    size: z.int().min(1).max(4096),
    resize: z.int().min(1).max(MOST),
    interpolation: z.enum(['bilinear', 'bicubic']),
    crop: z.enum(['center', 'squash']),
    mean: three,
    std: three.refine(values => values.every(value => value > 0), 'each standard deviation must be above 0'),
  })
  .refine(value => value.resize >= value.size, 'resize must not be smaller than size')
  .readonly()

/**
 * The evaluation transform: the short side becomes `resize` pixels (antialiased, as PIL does it), with the crop `squash` both
 * sides do, whatever their ratio; the centre `size` x `size` is kept, and each channel becomes (pixel / 255 - mean) / std, in
 * the order red, green, blue. timm calls these its crop modes `center` and `squash`.
 */
export type Preprocessing = z.infer<typeof preprocessingSchema>

/** The same preprocessing for another input size; `resize` keeps its proportion (224 of 256 becomes 192 of 219). */
export function withSize(preprocessing: Preprocessing, size: number): Preprocessing {
  return { ...preprocessing, size, resize: Math.round((preprocessing.resize * size) / preprocessing.size) }
}

/** The preprocessing of tests whose input is `scale` times that of training, to the next multiple of 32; undefined where it is the same. */
export function forTesting(preprocessing: Preprocessing, scale: number): Preprocessing | undefined {
  const size = scale === 1 ? preprocessing.size : 32 * Math.ceil((preprocessing.size * scale) / 32 - 0.5)
  return size === preprocessing.size ? undefined : withinReach(withSize(preprocessing, size))
}

/** @throws RegraftError('usage') where images would have to be enlarged beyond what can be read again */
function withinReach(preprocessing: Preprocessing): Preprocessing {
  const { size, resize } = preprocessing
  if (resize <= MOST) return preprocessing
  throw new RegraftError(
    'usage',
    `images would be resized to ${resize} pixels, of which ${size} are seen, and ${MOST} are the most; give a smaller --size or a larger --crop`,
  )
}

/**
 * The preprocessing with what a person says of it instead.
 * @throws RegraftError('usage') where images would be resized to more than 8192 pixels
 */
export function withOverrides(
  preprocessing: Preprocessing,
  {
    size,
    mean,
    std,
    interpolation,
    crop,
    cropMode,
  }: {
    readonly size?: number | undefined
    readonly mean?: readonly number[] | undefined
    readonly std?: readonly number[] | undefined
    readonly interpolation?: Preprocessing['interpolation'] | undefined
    readonly crop?: number | undefined
    readonly cropMode?: Preprocessing['crop'] | undefined
  },
): Preprocessing {
  const sized = size === undefined ? preprocessing : withSize(preprocessing, size)
  // An image is squashed so that all of it is seen, unless the weights say how much
  const share = crop ?? (cropMode === 'squash' && sized.crop !== 'squash' ? 1 : undefined)
  const channels = (given: readonly number[]) => [given[0]!, given[1]!, given[2]!] as const
  return withinReach({
    ...sized,
    ...(mean ? { mean: channels(mean) } : {}),
    ...(std ? { std: channels(std) } : {}),
    ...(interpolation ? { interpolation } : {}),
    ...(share === undefined ? {} : { resize: Math.floor(sized.size / share) }),
    ...(cropMode ? { crop: cropMode } : {}),
  })
}
