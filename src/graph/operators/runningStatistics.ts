/** The update of batch norm's running mean and variance after a training step, as PyTorch does it. */
import { elements, type Shape } from '../graph.js'
import { expectSame, type Operator, required, type Tensor } from '../operator.js'

/**
 * Inputs: running mean, running variance, the batch's mean and biased variance, each [C]. Outputs: the new running mean
 * and variance: running + momentum * (batch - running), the variance unbiased by count / (count - 1).
 */
export const runningStatistics: Operator<'runningStatistics'> = {
  shapes: inputs => {
    const shape = required(inputs, 0)
    for (const input of inputs) expectSame('a statistic', input, shape)
    return [shape, shape]
  },
  flops: ([mean]) => 7 * elements(mean as Shape),
  reference: (inputs, { momentum, count }) => {
    const [runningMean, runningVariance, mean, variance] = [0, 1, 2, 3].map(i => required(inputs, i)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ]
    const towards = (running: Tensor, batch: Tensor, scale: number): Tensor => ({
      shape: running.shape,
      data: running.data.map((value, c) => value + momentum * (batch.data[c]! * scale - value)),
    })
    return [towards(runningMean, mean, 1), towards(runningVariance, variance, count / Math.max(count - 1, 1))]
  },
}
