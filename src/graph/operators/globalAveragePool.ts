/** Average over height and width. */
import { elements, type Shape } from '../graph.js'
import { imageShape, matrixShape, type Operator, required, zeros } from '../operator.js'

/** Input: x [N, C, H, W]. Output: [N, C]. */
export const globalAveragePool: Operator<'globalAveragePool'> = {
  shapes: ([x]) => [imageShape(x).slice(0, 2)],
  gradient: ({ builder, inputs, outputs, outputGradient, wants }) => {
    const [, , height, width] = imageShape(builder.shape(inputs[0] as string))
    return [
      wants(0)
        ? builder.one('globalAveragePoolGradient', `${outputs[0]}.dx`, [outputGradient], { inputSize: [height, width] })
        : undefined,
    ]
  },
  flops: ([x]) => elements(x as Shape),
  reference: inputs => {
    const x = required(inputs, 0)
    const [batch, channels, height, width] = imageShape(x.shape)
    const y = zeros([batch, channels])
    x.data.forEach((value, i) => {
      const channel = Math.floor(i / (height * width))
      y.data[channel] = y.data[channel]! + value / (height * width)
    })
    return [y]
  },
}

/** Input: dy [N, C]. Output: dx [N, C, H, W]. */
export const globalAveragePoolGradient: Operator<'globalAveragePoolGradient'> = {
  shapes: ([dy], { inputSize }) => [[...matrixShape(dy), ...inputSize]],
  flops: (_, [dx]) => elements(dx as Shape),
  reference: (inputs, attributes) => {
    const dy = required(inputs, 0)
    const area = elements(attributes.inputSize)
    const shape = globalAveragePoolGradient.shapes([dy.shape], attributes)[0] as Shape
    return [{ shape, data: zeros(shape).data.map((_, i) => dy.data[Math.floor(i / area)]! / area) }]
  },
}
