/** The weights of PIL's antialiased resampling, in fixed point. */

interface Filter {
  readonly support: number
  weight(x: number): number
}

export type Interpolation = 'bilinear' | 'bicubic'

const filters: Readonly<Record<Interpolation, Filter>> = {
  bilinear: { support: 1, weight: x => Math.max(0, 1 - Math.abs(x)) },
  // Keys' cubic convolution with a = -0.5, which is PIL's (OpenCV and PyTorch tensors use -0.75)
  bicubic: {
    support: 2,
    weight: x => {
      const t = Math.abs(x)
      if (t < 1) return (1.5 * t - 2.5) * t * t + 1
      return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0
    },
  },
}

/** Fraction bits of a weight: 32, less 8 of the pixel, less 2 for the sign and for cubic overshoot. */
export const FRACTION = 22

/** Which inputs each output is the weighted sum of. */
export interface Taps {
  /** For each output: the first input pixel and how many follow from there, in pairs. */
  readonly bounds: Int32Array
  /** `stride` fixed-point weights for each output. */
  readonly weights: Int32Array
  readonly stride: number
}

/** Weights of the outputs `first` to `first + count` when `inputs` pixels become `outputs` (Pillow, Resample.c). */
export function taps(
  inputs: number,
  outputs: number,
  first: number,
  count: number,
  interpolation: Interpolation,
): Taps {
  const filter = filters[interpolation]
  const scale = inputs / outputs
  const stretch = Math.max(scale, 1)
  const support = filter.support * stretch
  const stride = Math.ceil(support) * 2 + 1
  const bounds = new Int32Array(count * 2)
  const weights = new Int32Array(count * stride)
  const exact = new Float64Array(stride)
  for (let i = 0; i < count; i++) {
    const centre = (first + i + 0.5) * scale
    const start = Math.max(0, Math.trunc(centre - support + 0.5))
    const length = Math.min(inputs, Math.trunc(centre + support + 0.5)) - start
    let sum = 0
    for (let k = 0; k < length; k++) sum += exact[k] = filter.weight((start + k - centre + 0.5) / stretch)
    for (let k = 0; k < length; k++) {
      const weight = (exact[k]! / sum) * (1 << FRACTION)
      weights[i * stride + k] = weight < 0 ? weight - 0.5 : weight + 0.5
    }
    bounds[i * 2] = start
    bounds[i * 2 + 1] = length
  }
  return { bounds, weights, stride }
}
