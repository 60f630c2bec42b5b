/** Two-dimensional convolution (cross-correlation, as PyTorch's conv2d) with its two gradients. */
import { elements, type Shape } from '../graph.js'
import { expectSame, imageShape, type Operator, required, type Tensor, zeros } from '../operator.js'
import { activate } from './activation.js'
import type { AttributesOf, Pair } from './attributes.js'

type Geometry = Pick<AttributesOf<'conv2d'>, 'stride' | 'padding' | 'groups'>

/** Height and width after a window of `kernel` has moved over the padded input. */
export function outputSize(input: Pair, kernel: Pair, { stride, padding }: Pick<Geometry, 'stride' | 'padding'>): Pair {
  const [top, left, bottom, right] = padding
  const height = Math.floor((input[0] + top + bottom - kernel[0]) / stride[0]) + 1
  const width = Math.floor((input[1] + left + right - kernel[1]) / stride[1]) + 1
  if (height < 1 || width < 1) throw new Error(`the window ${kernel} is larger than the padded input ${input}`)
  return [height, width]
}

function outputShape(x: Shape | undefined, weight: Shape | undefined, geometry: Geometry): Shape {
  const [batch, channels, height, width] = imageShape(x)
  const [filters, perGroup, kernelHeight, kernelWidth] = imageShape(weight)
  if (channels !== perGroup * geometry.groups || filters % geometry.groups !== 0)
    throw new Error(`${channels} channels do not fit weights [${weight}] in ${geometry.groups} groups`)
  return [batch, filters, ...outputSize([height, width], [kernelHeight, kernelWidth], geometry)]
}

/** Products of one weight: `count` neighbours in a row of y, from `y` on, and values of x from `x` on, `step` apart. */
type Visit = (y: number, x: number, weight: number, count: number, step: number) => void

/** Calls `visit` for all products of the convolution, by rows of y. */
function forEachRow(x: Shape, weight: Shape, y: Shape, { stride, padding, groups }: Geometry, visit: Visit): void {
  const [batch, channels, height, width] = imageShape(x)
  const [filters, perGroup, kernelHeight, kernelWidth] = imageShape(weight)
  const [, , outHeight, outWidth] = imageShape(y)
  const [down, across] = stride
  const [top, left] = padding
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < filters; o++) {
      const group = Math.floor(o / (filters / groups))
      for (let i = 0; i < perGroup; i++)
        for (let p = 0; p < outHeight; p++)
          for (let r = 0; r < kernelHeight; r++) {
            const row = p * down - top + r
            if (row < 0 || row >= height) continue
            const yRow = ((n * filters + o) * outHeight + p) * outWidth
            const xRow = ((n * channels + group * perGroup + i) * height + row) * width
            const taps = ((o * perGroup + i) * kernelHeight + r) * kernelWidth
            for (let s = 0; s < kernelWidth; s++) {
              // The columns q of y whose column q * across - left + s lies in x
              const first = Math.max(0, Math.ceil((left - s) / across))
              const end = Math.min(outWidth, Math.floor((width - 1 + left - s) / across) + 1)
              if (first < end) visit(yRow + first, xRow + first * across - left + s, taps + s, end - first, across)
            }
          }
    }
}

/** Multiply-adds of the forward pass; each gradient has as many. */
const productFlops = (y: Shape, weight: Shape): number => 2 * elements(y) * elements(weight.slice(1))

/** Inputs: x [N, C, H, W], weight [O, C / groups, kH, kW], optionally bias [O] and residual (as y). Output: y. */
export const conv2d: Operator<'conv2d'> = {
  shapes: ([x, weight, bias, residual], attributes) => {
    const y = outputShape(x, weight, attributes)
    if (bias) expectSame('bias', bias, [y[1] as number])
    if (residual) expectSame('residual', residual, y)
    return [y]
  },
  gradient: ({ builder, attributes, inputs, outputs, outputGradient, wants }) => {
    if (attributes.activation !== 'none' || inputs[2] || inputs[3])
      throw new Error('a convolution with bias, residual or activation is for inference only')
    const [x, weight] = inputs as [string, string]
    const { stride, padding, groups } = attributes
    const [, , height, width] = imageShape(builder.shape(x))
    const [, , kernelHeight, kernelWidth] = imageShape(builder.shape(weight))
    const name = outputs[0] as string
    return [
      wants(0)
        ? builder.one('conv2dInputGradient', `${name}.dx`, [outputGradient, weight], {
            stride,
            padding,
            groups,
            inputSize: [height, width],
          })
        : undefined,
      wants(1)
        ? builder.one('conv2dWeightGradient', `${name}.dw`, [x, outputGradient], {
            stride,
            padding,
            groups,
            kernel: [kernelHeight, kernelWidth],
          })
        : undefined,
    ]
  },
  flops: ([, weight], [y]) => productFlops(y as Shape, weight as Shape),
  reference: (inputs, attributes) => {
    const x = required(inputs, 0)
    const weight = required(inputs, 1)
    const [, , bias, residual] = inputs
    const y = zeros(outputShape(x.shape, weight.shape, attributes))
    const [own, given, weights] = [y.data, x.data, weight.data]
    forEachRow(x.shape, weight.shape, y.shape, attributes, (to, from, tap, count, step) => {
      const factor = weights[tap]!
      for (let q = 0; q < count; q++) own[to + q] = own[to + q]! + given[from + q * step]! * factor
    })
    const [, filters, height, width] = imageShape(y.shape)
    return [
      {
        shape: y.shape,
        data: y.data.map((sum, index) => {
          const shift = bias ? bias.data[Math.floor(index / (height * width)) % filters]! : 0
          return activate(attributes.activation, sum + shift + (residual?.data[index] ?? 0))
        }),
      },
    ]
  },
}

/** Inputs: dy, weight. Output: dx. */
export const conv2dInputGradient: Operator<'conv2dInputGradient'> = {
  shapes: ([dy, weight], { groups, inputSize }) => [
    [imageShape(dy)[0], imageShape(weight)[1] * groups, inputSize[0], inputSize[1]],
  ],
  flops: ([dy, weight]) => productFlops(dy as Shape, weight as Shape),
  reference: (inputs, attributes) => {
    const dy = required(inputs, 0)
    const weight = required(inputs, 1)
    const dx = zeros(conv2dInputGradient.shapes([dy.shape, weight.shape], attributes)[0] as Shape)
    const [own, given, weights] = [dx.data, dy.data, weight.data]
    forEachRow(dx.shape, weight.shape, dy.shape, attributes, (to, from, tap, count, step) => {
      const factor = weights[tap]!
      for (let q = 0; q < count; q++) own[from + q * step] = own[from + q * step]! + given[to + q]! * factor
    })
    return [dx]
  },
}

/** Inputs: x, dy. Output: dweight. */
export const conv2dWeightGradient: Operator<'conv2dWeightGradient'> = {
  shapes: ([x, dy], { groups, kernel }) => [[imageShape(dy)[1], imageShape(x)[1] / groups, kernel[0], kernel[1]]],
  flops: ([, dy], [weight]) => productFlops(dy as Shape, weight as Shape),
  reference: (inputs, attributes) => {
    const x: Tensor = required(inputs, 0)
    const dy: Tensor = required(inputs, 1)
    const dweight = zeros(conv2dWeightGradient.shapes([x.shape, dy.shape], attributes)[0] as Shape)
    const [own, given, images] = [dweight.data, dy.data, x.data]
    forEachRow(x.shape, dweight.shape, dy.shape, attributes, (to, from, tap, count, step) => {
      let sum = own[tap]!
      for (let q = 0; q < count; q++) sum += given[to + q]! * images[from + q * step]!
      own[tap] = sum
    })
    return [dweight]
  },
}
