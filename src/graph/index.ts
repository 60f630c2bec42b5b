/** The graph room: values, operators, differentiation and passes; it knows no models, engines or files. */
export { GraphBuilder } from './builder.js'
export { nodeCost } from './cost.js'
export { differentiate, differentiateAlong } from './differentiate.js'
export {
  elements,
  type Graph,
  lookUp,
  type Node,
  producers,
  type Role,
  type Shape,
  trainableParameters,
  useCounts,
  type Value,
  valuesOf,
} from './graph.js'
export { interpret } from './interpret.js'
export type { Cost, Operator, Tensor } from './operator.js'
export type { Activation, AttributesOf, OperatorName, Padding, Pair } from './operators/attributes.js'
export { operator, operatorNames } from './operators/index.js'
export { type Folded, foldBatchNorm, inferenceGraph } from './passes/fold.js'
export { freeze } from './passes/freeze.js'
export { fuse } from './passes/fuse.js'
export { placeBuffers, planArena } from './passes/liveness.js'
export { forInference, forTraining } from './passes/mode.js'
export { normStatistics } from './passes/normStatistics.js'
export { prune } from './passes/prune.js'
export { recomputations } from './passes/recompute.js'
export { type Split, splitAt, splitFrozen } from './passes/split.js'
export { print } from './print.js'
export {
  averageOf,
  gradientStep,
  learningRateOf,
  type Optimiser,
  referenceOf,
  referenceShareOf,
  type TrainingStepOptions,
  trainingStep,
  weightDecayOf,
} from './trainingStep.js'
