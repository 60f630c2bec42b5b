/** Softmax cross-entropy and its gradient: a workgroup has a row of logits. */
import type { Node } from '../../../graph/index.js'
import type { Context } from './convolution.js'
import { array, forEachGroup, type Lowered, team } from './kernel.js'
import { type Subgroups, totals } from './total.js'

/** The row's largest logit, and the sums over it of exponentials, targets, and targets times logits below the largest. */
const rowSums = (classes: number, size: number) => `
  let first = group * ${classes}u;
  var most = logits[first];
  for (var c = thread; c < ${classes}u; c += ${size}u) { most = max(most, logits[first + c]); }
  let largest = total(vec4f(most, 0, 0, 0), thread).x;
  var sums = vec4f(-3.0e38, 0, 0, 0);
  for (var c = thread; c < ${classes}u; c += ${size}u) {
    let below = logits[first + c] - largest;
    let target_ = targets[first + c];
    sums += vec4f(0, exp(below), target_, target_ * below);
  }
  let row = total(sums, thread);`

/** Maxima in x, sums in the others. */
const rowTotals = (subgroups: Subgroups, size: number) =>
  totals('vec4f', subgroups, size, 'vec4f(max(a.x, b.x), a.yzw + b.yzw)')

/** Inputs: logits, targets. */
export function softmaxCrossEntropy(node: Node<'softmaxCrossEntropy'>, { shape, subgroups }: Context): Lowered {
  const [logits, targets] = node.inputs as [string, string]
  const out = node.outputs[0] as string
  const [rows, classes] = shape(logits) as [number, number]
  const losses = `${out}#rows`
  const [size, sizeOfRow] = [team(rows), team(classes)]
  return {
    kernels: [
      forEachGroup(
        'softmaxCrossEntropy',
        rows,
        [array('logits', logits), array('targets', targets), array('losses', losses)],
        `${rowSums(classes, sizeOfRow)}
  if (thread == 0u) { losses[group] = row.z * log(row.y) - row.w; }`,
        rowTotals(subgroups, sizeOfRow),
        sizeOfRow,
      ),
      forEachGroup(
        'softmaxCrossEntropy',
        1,
        [array('losses', losses), array('loss', out)],
        `var sum = 0.0;
  for (var row = thread; row < ${rows}u; row += ${size}u) { sum += losses[row]; }
  let all = total(sum, thread);
  if (thread == 0u) { loss[0] = all / ${rows}.0; }`,
        totals('f32', subgroups, size),
        size,
      ),
    ],
    scratch: [{ name: losses, elements: rows }],
  }
}

/** Inputs: logits, targets. */
export function softmaxCrossEntropyGradient(
  node: Node<'softmaxCrossEntropyGradient'>,
  { shape, subgroups }: Context,
): Lowered {
  const [logits, targets] = node.inputs as [string, string]
  const [rows, classes] = shape(logits) as [number, number]
  const size = team(classes)
  const kernel = forEachGroup(
    'softmaxCrossEntropyGradient',
    rows,
    [array('logits', logits), array('targets', targets), array('dlogits', node.outputs[0] as string)],
    `${rowSums(classes, size)}
  for (var c = thread; c < ${classes}u; c += ${size}u) {
    let share = exp(logits[first + c] - largest) / row.y;
    dlogits[first + c] = (share * row.z - targets[first + c]) / ${rows}.0;
  }`,
    rowTotals(subgroups, size),
    size,
  )
  return { kernels: [kernel] }
}
