/** The evaluation transform as ordinary ONNX operators: an exported model then takes an image of any size as it is. */
import type { Preprocessing } from '../../base/preprocessing.js'
import type { OnnxWriter } from './lowering/writer.js'

/** ONNX's numbers of element types, for Cast. */
const [float32, float64] = [1, 11]

/** Fraction bits of PIL's weights, in two halves that float32 multiplies by pixels without rounding. */
const half = 11

/**
 * Appends what turns an image, uint8 [height, width, 3], into the network's input [1, 3, size, size]: PIL's resampling in
 * two passes with weights of 22 fraction bits and rounding to whole numbers after each, the centre crop, normalisation.
 * The pixels are the same to the bit as those of `data/`, on every runtime.
 */
export function addTransform(writer: OnnxWriter, preprocessing: Preprocessing, image: string, output: string): void {
  const { size, resize, crop, mean, std } = preprocessing
  const shape = writer.add('Shape', [image])
  const [height, width] = [0, 1].map(axis => writer.add('Gather', [shape, integer(writer, axis)])) as [string, string]
  const short = writer.add('Min', [height, width])
  const resized = (length: string) =>
    crop === 'squash'
      ? integer(writer, resize)
      : writer.add('Div', [writer.add('Mul', [length, integer(writer, resize)]), short])
  const resampled = (length: string) => taps(writer, preprocessing, length, resized(length))
  const [columns, rows] = [resampled(width), resampled(height)]
  const planes = writer.transpose(writer.add('Cast', [image], { to: float32 }), [2, 0, 1])
  const across = product(writer, columns, weights => writer.add('MatMul', [planes, writer.transpose(weights, [1, 0])]))
  const down = product(writer, rows, weights => writer.add('MatMul', [weights, across]))
  const scale = std.map(deviation => 1 / (255 * deviation))
  const scaled = writer.add('Mul', [down, writer.floats(scale, [3, 1, 1])])
  const shift = mean.map((value, c) => -value / std[c]!)
  const normal = writer.add('Add', [scaled, writer.floats(shift, [3, 1, 1])])
  writer.reshape(normal, [1, 3, size, size], output)
}

const integer = (writer: OnnxWriter, value: number): string => writer.integers([value], [])
const double = (writer: OnnxWriter, value: number): string => writer.doubles([value], [])

/** The two halves of a matrix [size, length] of whole numbers: which inputs each pixel of the crop is the sum of. */
interface Weights {
  readonly high: string
  readonly low: string
}

/** As `data/taps.ts`: the weights of the crop's pixels when `length` pixels become `resized`. */
function taps(writer: OnnxWriter, preprocessing: Preprocessing, length: string, resized: string): Weights {
  const { size, interpolation } = preprocessing
  const op = (type: string, ...inputs: string[]) => writer.add(type, inputs)
  const number = (value: number) => double(writer, value)
  const real = (x: string) => writer.add('Cast', [x], { to: float64 })
  const scale = op('Div', real(length), real(resized))
  const stretch = op('Max', scale, number(1))
  // ONNX rounds a half to the even neighbour, as Python does
  const start = op('Round', op('Mul', op('Sub', real(resized), number(size)), number(0.5)))
  const pixels = writer.doubles(
    Array.from({ length: size }, (_, i) => i),
    [size, 1],
  )
  const centres = op('Mul', op('Add', op('Add', pixels, start), number(0.5)), scale)
  const inputs = real(op('Range', integer(writer, 0), length, integer(writer, 1)))
  const away = op('Abs', op('Div', op('Add', op('Sub', inputs, centres), number(0.5)), stretch))
  const weights = interpolation === 'bilinear' ? op('Max', op('Sub', number(1), away), number(0)) : cubic(writer, away)
  const sums = writer.add('ReduceSum', [weights, writer.integers([1])], { keepdims: 1 })
  const exact = op('Mul', op('Div', weights, sums), number(2 ** (2 * half)))
  // Away from zero at a half
  const whole = op('Mul', op('Sign', exact), op('Floor', op('Add', op('Abs', exact), number(0.5))))
  const high = op('Floor', op('Mul', whole, number(2 ** -half)))
  const low = op('Sub', whole, op('Mul', high, number(2 ** half)))
  const single = (x: string) => writer.add('Cast', [x], { to: float32 })
  return { high: single(high), low: single(low) }
}

/** Keys' cubic convolution with a = -0.5. */
function cubic(writer: OnnxWriter, t: string): string {
  const op = (type: string, ...inputs: string[]) => writer.add(type, inputs)
  const number = (value: number) => double(writer, value)
  /** a t^3 + b t^2 + c t + d */
  const polynomial = (a: number, b: number, c: number, d: number) =>
    [b, c, d].reduce((sum, next) => op('Add', op('Mul', sum, t), number(next)), number(a))
  const outside = op('Where', op('Less', t, number(2)), polynomial(-0.5, 2.5, -4, 2), number(0))
  return op('Where', op('Less', t, number(1)), polynomial(1.5, -2.5, 0, 1), outside)
}

/** The sum of both halves' products, rounded to the nearest whole number from 0 to 255; a half goes up. */
function product(writer: OnnxWriter, { high, low }: Weights, multiply: (weights: string) => string): string {
  const op = (type: string, ...inputs: string[]) => writer.add(type, inputs)
  const number = (value: number) => writer.scalar(value)
  const upper = op('Mul', multiply(high), number(2 ** -half))
  const whole = op('Floor', upper)
  const lower = op('Mul', multiply(low), number(2 ** (-2 * half)))
  const fraction = op('Floor', op('Add', op('Add', op('Sub', upper, whole), lower), number(0.5)))
  return op('Clip', op('Add', whole, fraction), number(0), number(255))
}
