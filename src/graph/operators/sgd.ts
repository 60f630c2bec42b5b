/** The update of stochastic gradient descent with momentum, Nesterov or not, as torch.optim.SGD does it. */
import { elements, type Shape } from '../graph.js'
import { expectSame, type Operator, required } from '../operator.js'

/**
 * Inputs: parameter, gradient, velocity (all of one shape), and the scalars learning rate, momentum, weight decay and,
 * optionally, what the gradient is multiplied by first.
 * Outputs: the new parameter and velocity.
 * g = scale * gradient + decay * parameter; velocity = momentum * velocity + g; the step is the velocity,
 * or g + momentum * velocity for Nesterov; parameter -= rate * step.
 */
export const sgd: Operator<'sgd'> = {
  shapes: ([parameter, gradient, velocity, rate, momentum, decay, scale]) => {
    expectSame('gradient', gradient, parameter as Shape)
    expectSame('velocity', velocity, parameter as Shape)
    for (const scalar of [rate, momentum, decay, scale ?? []]) expectSame('a rate', scalar, [])
    return [parameter as Shape, parameter as Shape]
  },
  flops: ([parameter]) => 6 * elements(parameter as Shape),
  reference: (inputs, { nesterov }) => {
    const parameter = required(inputs, 0)
    const [gradient, oldVelocity] = [required(inputs, 1).data, required(inputs, 2).data]
    const [rate, momentum, decay] = [3, 4, 5].map(i => required(inputs, i).data[0]!) as [number, number, number]
    const scale = inputs[6]?.data[0] ?? 1
    const { shape } = parameter
    const decayed = gradient.map((g, i) => scale * g + decay * parameter.data[i]!)
    const velocity = oldVelocity.map((v, i) => momentum * v + decayed[i]!)
    const step = nesterov ? decayed.map((g, i) => g + momentum * velocity[i]!) : velocity
    return [
      { shape, data: parameter.data.map((w, i) => w - rate * step[i]!) },
      { shape, data: velocity },
    ]
  },
}
