/** The attributes of every operator: the constants that, with its inputs, determine what a node computes. */

/** [top, left, bottom, right] rows and columns of zeros (for pooling: of minus infinity). */
export type Padding = readonly [number, number, number, number]
/** [vertical, horizontal]. */
export type Pair = readonly [number, number]
/** What follows a norm or a convolution in the same node, which the fuse and fold passes fill in. */
export type Activation = 'none' | 'relu' | 'relu6'

export interface Conv2dAttributes {
  readonly stride: Pair
  readonly padding: Padding
  readonly groups: number
  /** Applied after bias and residual; only inference graphs have one here. */
  readonly activation: Activation
}

export interface BatchNormAttributes {
  readonly eps: number
  /** Whether the batch's own mean and variance are used (training), or the running ones. */
  readonly training: boolean
  /** Applied after scale, shift and residual. */
  readonly activation: Activation
  /** Share of the batch's statistics in the running ones after a training step, PyTorch's sense of momentum. */
  readonly momentum: number
}

export interface PoolAttributes {
  readonly kernel: Pair
  readonly stride: Pair
  readonly padding: Padding
}

type None = Readonly<Record<never, never>>
type ConvolutionGradient = Omit<Conv2dAttributes, 'activation'>

interface Attributes {
  conv2d: Conv2dAttributes
  conv2dInputGradient: ConvolutionGradient & { readonly inputSize: Pair }
  conv2dWeightGradient: ConvolutionGradient & { readonly kernel: Pair }
  batchNorm: BatchNormAttributes
  batchNormGradient: Omit<BatchNormAttributes, 'momentum'>
  runningStatistics: { readonly momentum: number /** Values per channel in the batch. */; readonly count: number }
  relu: None
  reluGradient: None
  relu6: None
  relu6Gradient: None
  add: None
  maxPool: PoolAttributes
  maxPoolGradient: PoolAttributes
  globalAveragePool: None
  globalAveragePoolGradient: { readonly inputSize: Pair }
  linear: None
  linearInputGradient: None
  linearWeightGradient: None
  linearBiasGradient: None
  dropout: { readonly probability: number }
  softmaxCrossEntropy: None
  softmaxCrossEntropyGradient: None
  barrier: None
  blend: None
  clipScale: None
  sgd: { readonly nesterov: boolean }
  adamW: { readonly eps: number }
}

export type OperatorName = keyof Attributes
export type AttributesOf<Name extends OperatorName> = Attributes[Name]
