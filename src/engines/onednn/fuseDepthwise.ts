/** A depthwise convolution becomes one kernel, and so do its two gradients: both do what the norms before and after it have to do with its images. */
import type { Draft, DraftValue } from './draft.js'

/** The norm's activation as one of a kernel's several. */
const activationOf = (name: string, norm: Draft | undefined): Draft['numbers'] =>
  norm ? { [name]: norm.numbers.activation as readonly number[] } : {}

const isPlainNorm = (maker: Draft | undefined): boolean => maker?.kernel === 'normApply' && !maker.inputs[2]

/** Whether the own kernels compute a convolution, or a gradient of one, with such images and weights. */
function isDepthwise({ numbers }: Draft, images: DraftValue | undefined, weights: DraftValue | undefined): boolean {
  if (images?.layout !== 'blocked') return false
  if (weights?.layout !== 'weights' || weights.dims[1] !== 1 || numbers.groups?.[0] !== weights.dims[0]) return false
  const [kernel, stride] = [weights.dims[2] as number, numbers.stride?.[0] as number]
  const square = weights.dims[3] === kernel && numbers.stride?.[1] === stride
  return square && (kernel === 3 || kernel === 5) && (stride === 1 || stride === 2)
}

/** Who reads and who makes a value, and what becomes of operations: a kernel that does more, or nothing. */
class Fusion {
  private readonly readers = new Map<string, Draft[]>()
  private readonly makers = new Map<string, Draft>()
  private readonly replaced = new Map<Draft, readonly Draft[]>()

  constructor(private readonly operations: readonly Draft[]) {
    for (const operation of operations) {
      for (const name of operation.inputs) this.readers.set(name, [...this.readersOf(name), operation])
      for (const name of operation.outputs) this.makers.set(name, operation)
    }
  }

  readersOf = (name: string): readonly Draft[] => this.readers.get(name) ?? []
  makerOf = (name: string): Draft | undefined => this.makers.get(name)

  /** Puts a kernel in the place of one operation; others are done by it, too. */
  replace(place: Draft, kernel: Draft, others: readonly (Draft | undefined)[]): void {
    for (const one of others) if (one) this.replaced.set(one, [])
    this.replaced.set(place, [kernel])
  }

  result = (): Draft[] => this.operations.flatMap(operation => this.replaced.get(operation) ?? [operation])
}

/**
 * Replaces a convolution that nothing but a norm follows; with it the norm before it, where nobody else reads what that
 * gives, and the sums that the norm after it needs.
 */
function fuseForward(
  operations: readonly Draft[],
  values: Map<string, DraftValue>,
  outputs: ReadonlySet<string>,
): Draft[] {
  const fusion = new Fusion(operations)
  for (const convolution of operations) {
    const [x, weights, bias, residual] = convolution.inputs as [string, string, string?, string?]
    const [y] = convolution.outputs as [string]
    if (convolution.kernel !== 'conv2d' || bias || residual || convolution.numbers.activation?.[0] !== 0) continue
    if (!isDepthwise(convolution, values.get(x), values.get(weights))) continue
    const maker = fusion.makerOf(x)
    const norm = isPlainNorm(maker) && fusion.readersOf(x).length === 1 && !outputs.has(x) ? maker : undefined
    const sums = fusion.readersOf(y).find(({ kernel }) => kernel === 'normSums')
    const fused = {
      kernel: 'depthwise',
      inputs: [norm?.inputs[0] ?? x, weights, norm?.inputs[1] ?? ''],
      outputs: [y, ...(sums?.outputs ?? [])],
      numbers: { ...convolution.numbers, ...activationOf('activationBefore', norm) },
    }
    fusion.replace(convolution, fused, [norm, sums])
    if (norm) values.delete(x)
  }
  return fusion.result()
}

/**
 * Replaces norm, weight gradient and input gradient where the norm's result is read by the weight gradient only; with
 * them the gradient of the norm after the convolution, if only they read it, and the sums that the norm before it needs.
 * @param operations after `applyNormsAgain`, which gives each reader of a norm a copy of its own
 */
function fuseGradients(
  operations: readonly Draft[],
  values: Map<string, DraftValue>,
  outputs: ReadonlySet<string>,
): Draft[] {
  const fusion = new Fusion(operations)
  for (const weightGradient of operations) {
    const [x, dy] = weightGradient.inputs as [string, string]
    const norm = fusion.makerOf(x)
    const inputGradient = fusion.readersOf(dy).find(({ kernel }) => kernel === 'conv2dInputGradient')
    if (weightGradient.kernel !== 'conv2dWeightGradient' || !norm || !isPlainNorm(norm)) continue
    if (!inputGradient || fusion.readersOf(x).length !== 1) continue
    const weights = inputGradient.inputs[1] as string
    if (!isDepthwise(weightGradient, values.get(dy), values.get(weights))) continue
    const [before, scale] = norm.inputs as [string, string]
    const dx = inputGradient.outputs[0] as string
    const maker = fusion.makerOf(dy)
    // It has to find what the activation passed from what the norm was given.
    const isAlone = fusion.readersOf(dy).length === 2 && !outputs.has(dy)
    const after = maker?.kernel === 'normGradientApply' && !maker.inputs[4] && isAlone ? maker : undefined
    const wanted = [dx, before, scale, ''].join()
    const sums = fusion
      .readersOf(dx)
      .find(one => one.kernel === 'normGradientSums' && one.inputs.join() === wanted && !one.outputs[1])
    const fused = {
      kernel: 'depthwiseGradients',
      inputs: [before, after?.inputs[0] ?? dy, weights, scale, ...(after?.inputs.slice(1, 4) ?? [])],
      outputs: [weightGradient.outputs[0] as string, dx, ...(sums?.outputs.slice(0, 1) ?? [])],
      numbers: { ...weightGradient.numbers, ...norm.numbers, ...activationOf('activationAfter', after) },
    }
    const isFirst = operations.indexOf(weightGradient) < operations.indexOf(inputGradient)
    const [first, second] = isFirst ? [weightGradient, inputGradient] : [inputGradient, weightGradient]
    fusion.replace(first, fused, [second, norm, after, sums])
    values.delete(x)
    if (after) values.delete(dy)
  }
  return fusion.result()
}

/** @param outputs of the graph, which have to be there in the end */
export const fuseDepthwise = (
  operations: readonly Draft[],
  values: Map<string, DraftValue>,
  outputs: ReadonlySet<string>,
): Draft[] => fuseGradients(fuseForward(operations, values, outputs), values, outputs)
