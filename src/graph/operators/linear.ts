/** The fully connected layer y = x weight^T + bias, with PyTorch's weight layout. */
import { elements, type Shape } from '../graph.js'
import { expectSame, matrixShape, type Operator, required, type Tensor, zeros } from '../operator.js'

const productFlops = (rows: Shape, weight: Shape): number => 2 * (rows[0] as number) * elements(weight)

/** Inputs: x [N, in], weight [out, in], bias [out]. Output: [N, out]. */
export const linear: Operator<'linear'> = {
  shapes: ([x, weight, bias]) => {
    const [batch, features] = matrixShape(x)
    const [outputs, inputs] = matrixShape(weight)
    if (features !== inputs) throw new Error(`${features} features do not fit weights [${weight}]`)
    expectSame('bias', bias, [outputs])
    return [[batch, outputs]]
  },
  gradient: ({ builder, inputs, outputs, outputGradient: dy, wants }) => {
    const [x, weight] = inputs as [string, string]
    const name = outputs[0] as string
    return [
      wants(0) ? builder.one('linearInputGradient', `${name}.dx`, [dy, weight], {}) : undefined,
      wants(1) ? builder.one('linearWeightGradient', `${name}.dw`, [x, dy], {}) : undefined,
      wants(2) ? builder.one('linearBiasGradient', `${name}.db`, [dy], {}) : undefined,
    ]
  },
  flops: ([x, weight]) => productFlops(x as Shape, weight as Shape),
  reference: inputs => {
    const x = required(inputs, 0)
    const weight = required(inputs, 1)
    const bias = required(inputs, 2)
    const [batch, features] = matrixShape(x.shape)
    const [outputs] = matrixShape(weight.shape)
    const y = zeros([batch, outputs])
    for (let n = 0; n < batch; n++)
      for (let o = 0; o < outputs; o++) {
        let sum = bias.data[o]!
        for (let i = 0; i < features; i++) sum += x.data[n * features + i]! * weight.data[o * features + i]!
        y.data[n * outputs + o] = sum
      }
    return [y]
  },
}

/** The product a b of two matrices, where `a` may be read transposed. */
function product(a: Tensor, b: Tensor, transposeA: boolean): Tensor {
  const [rows, columns] = matrixShape(a.shape)
  const [, width] = matrixShape(b.shape)
  const y = zeros([transposeA ? columns : rows, width])
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      for (let w = 0; w < width; w++) {
        const [to, inner] = transposeA ? [c, r] : [r, c]
        y.data[to * width + w] = y.data[to * width + w]! + a.data[r * columns + c]! * b.data[inner * width + w]!
      }
  return y
}

/** Inputs: dy [N, out], weight [out, in]. Output: dx [N, in]. */
export const linearInputGradient: Operator<'linearInputGradient'> = {
  shapes: ([dy, weight]) => [[matrixShape(dy)[0], matrixShape(weight)[1]]],
  flops: ([dy, weight]) => productFlops(dy as Shape, weight as Shape),
  reference: inputs => [product(required(inputs, 0), required(inputs, 1), false)],
}

/** Inputs: x [N, in], dy [N, out]. Output: dweight [out, in]. */
export const linearWeightGradient: Operator<'linearWeightGradient'> = {
  shapes: ([x, dy]) => [[matrixShape(dy)[1], matrixShape(x)[1]]],
  flops: ([x], [dweight]) => productFlops(x as Shape, dweight as Shape),
  reference: inputs => [product(required(inputs, 1), required(inputs, 0), true)],
}

/** Input: dy [N, out]. Output: dbias [out]. */
export const linearBiasGradient: Operator<'linearBiasGradient'> = {
  shapes: ([dy]) => [[matrixShape(dy)[1]]],
  flops: ([dy]) => elements(dy as Shape),
  reference: inputs => {
    const dy = required(inputs, 0)
    const [, outputs] = matrixShape(dy.shape)
    const dbias = zeros([outputs])
    dy.data.forEach((value, i) => {
      dbias.data[i % outputs] = dbias.data[i % outputs]! + value
    })
    return [dbias]
  },
}
