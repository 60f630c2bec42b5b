/** Max pooling with its gradient, which goes to the first maximum of each window. */
import { elements, type Shape } from '../graph.js'
import { expectSame, imageShape, type Operator, required, type Tensor, zeros } from '../operator.js'
import type { AttributesOf } from './attributes.js'
import { outputSize } from './conv2d.js'

function outputShape(x: Shape | undefined, attributes: AttributesOf<'maxPool'>): Shape {
  const [batch, channels, height, width] = imageShape(x)
  return [batch, channels, ...outputSize([height, width], attributes.kernel, attributes)]
}

/** For each element of y, the offset in x of the first maximum of its window, reading row by row. */
function winners(x: Tensor, { kernel, stride, padding }: AttributesOf<'maxPool'>, y: Shape): Int32Array {
  const [, , height, width] = imageShape(x.shape)
  const [, , outHeight, outWidth] = imageShape(y)
  return new Int32Array(elements(y)).map((_, index) => {
    const q = index % outWidth
    const p = Math.floor(index / outWidth) % outHeight
    const plane = Math.floor(index / (outWidth * outHeight)) * height * width
    let best = -1
    for (let r = 0; r < kernel[0]; r++)
      for (let s = 0; s < kernel[1]; s++) {
        const row = p * stride[0] - padding[0] + r
        const column = q * stride[1] - padding[1] + s
        if (row < 0 || row >= height || column < 0 || column >= width) continue
        const offset = plane + row * width + column
        if (best < 0 || x.data[offset]! > x.data[best]!) best = offset
      }
    return best
  })
}

/** Input: x [N, C, H, W]. Output: y. */
export const maxPool: Operator<'maxPool'> = {
  shapes: ([x], attributes) => [outputShape(x, attributes)],
  gradient: ({ builder, attributes, inputs, outputs, outputGradient, wants }) => [
    wants(0)
      ? builder.one(
          'maxPoolGradient',
          `${outputs[0]}.dx`,
          [outputGradient, inputs[0] as string, outputs[0] as string],
          attributes,
        )
      : undefined,
  ],
  flops: (_, [y], { kernel }) => elements(y as Shape) * elements(kernel),
  reference: (inputs, attributes) => {
    const x = required(inputs, 0)
    const shape = outputShape(x.shape, attributes)
    return [{ shape, data: Float64Array.from(winners(x, attributes, shape), offset => x.data[offset]!) }]
  },
}

/** Inputs: dy, x, y. Output: dx. */
export const maxPoolGradient: Operator<'maxPoolGradient'> = {
  shapes: (inputs, attributes) => {
    expectSame('dy', inputs[0], outputShape(inputs[1], attributes))
    return [required(inputs, 1)]
  },
  flops: ([dy], _, { kernel }) => elements(dy as Shape) * elements(kernel),
  reference: (inputs, attributes) => {
    const dy = required(inputs, 0)
    const x = required(inputs, 1)
    const dx = zeros(x.shape)
    winners(x, attributes, dy.shape).forEach((offset, i) => {
      dx.data[offset] = dx.data[offset]! + dy.data[i]!
    })
    return [dx]
  },
}
