/** Random initial weights, as torchvision and PyTorch draw them (same distributions, own random numbers). */
import { randomStream } from '../base/random.js'
import { elements, type Shape } from '../graph/index.js'

/**
 * Convolutions: He normal over the fan out (He et al. 2015), as torchvision's networks; norms the identity; fully
 * connected layers: uniform in +-1 / sqrt(inputs), weight and bias, as torch.nn.Linear.
 * @param inputs number of inputs of the fully connected layer that a bias belongs to, else undefined
 */
export function initialValues(name: string, shape: Shape, seed: number, inputs?: number): Float32Array {
  const random = randomStream(seed, 'initialise', name)
  const values = new Float32Array(elements(shape))
  if (shape.length === 4) {
    const [outputs, , height, width] = shape as [number, number, number, number]
    const deviation = Math.sqrt(2 / (outputs * height * width))
    return values.map(() => deviation * random.normal())
  }
  const fanIn = shape.length === 2 ? (shape[1] as number) : inputs
  if (fanIn !== undefined) return values.map(() => (2 * random.next() - 1) / Math.sqrt(fanIn))
  return values.fill(name.endsWith('.weight') || name.endsWith('running_var') ? 1 : 0)
}
