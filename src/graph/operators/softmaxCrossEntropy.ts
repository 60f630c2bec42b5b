/** Softmax cross-entropy with targets as probabilities, averaged over the batch. */
import { elements, type Shape } from '../graph.js'
import { expectSame, matrixShape, type Operator, required, type Tensor } from '../operator.js'

/** log softmax of each row, by subtracting the row's maximum first. */
function logSoftmax({ shape, data }: Tensor): Float64Array {
  const [rows, classes] = matrixShape(shape)
  const result = new Float64Array(rows * classes)
  for (let n = 0; n < rows; n++) {
    const row = data.subarray(n * classes, (n + 1) * classes)
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity)
    const logSum = largest + Math.log(row.reduce((sum, z) => sum + Math.exp(z - largest), 0))
    for (let c = 0; c < classes; c++) result[n * classes + c] = row[c]! - logSum
  }
  return result
}

/**
 * Inputs: logits [N, classes], targets [N, classes]. Output: the scalar -1/N sum(targets * log softmax(logits)).
 * A row of targets need not sum to 1: a row of zeros leaves that image out, larger rows weigh it more.
 */
export const softmaxCrossEntropy: Operator<'softmaxCrossEntropy'> = {
  shapes: inputs => {
    expectSame('targets', inputs[1], matrixShape(inputs[0]))
    return [[]]
  },
  gradient: ({ builder, inputs, outputs, wants }) => [
    // The loss is where differentiation starts, so the gradient that arrives here is 1.
    wants(0) ? builder.one('softmaxCrossEntropyGradient', `${outputs[0]}.dlogits`, inputs, {}) : undefined,
  ],
  flops: ([logits]) => 5 * elements(logits as Shape),
  reference: inputs => {
    const logits = required(inputs, 0)
    const targets = required(inputs, 1)
    const logs = logSoftmax(logits)
    const total = targets.data.reduce((sum, target, i) => sum - target * logs[i]!, 0)
    return [{ shape: [], data: Float64Array.of(total / (logits.shape[0] as number)) }]
  },
}

/** Inputs: logits, targets. Output: dlogits = (softmax(logits) * sum of the row's targets - targets) / N. */
export const softmaxCrossEntropyGradient: Operator<'softmaxCrossEntropyGradient'> = {
  shapes: ([logits]) => [matrixShape(logits)],
  flops: ([logits]) => 5 * elements(logits as Shape),
  reference: inputs => {
    const logits = required(inputs, 0)
    const targets = required(inputs, 1)
    const [rows, classes] = matrixShape(logits.shape)
    const data = logSoftmax(logits).map((log, i) => {
      const first = Math.floor(i / classes) * classes
      const weight = targets.data.subarray(first, first + classes).reduce((sum, target) => sum + target, 0)
      return (Math.exp(log) * weight - targets.data[i]!) / rows
    })
    return [{ shape: logits.shape, data }]
  },
}
