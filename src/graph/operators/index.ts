/** All operators by name. */
import type { Operator } from '../operator.js'
import { adamW } from './adamW.js'
import { add } from './add.js'
import type { OperatorName } from './attributes.js'
import { barrier } from './barrier.js'
import { batchNorm, batchNormGradient } from './batchNorm.js'
import { blend } from './blend.js'
import { clipScale } from './clipScale.js'
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from './conv2d.js'
import { dropout } from './dropout.js'
import { globalAveragePool, globalAveragePoolGradient } from './globalAveragePool.js'
import { linear, linearBiasGradient, linearInputGradient, linearWeightGradient } from './linear.js'
import { maxPool, maxPoolGradient } from './maxPool.js'
import { relu, relu6, relu6Gradient, reluGradient } from './relu.js'
import { runningStatistics } from './runningStatistics.js'
import { sgd } from './sgd.js'
import { softmaxCrossEntropy, softmaxCrossEntropyGradient } from './softmaxCrossEntropy.js'

const operators: { readonly [Name in OperatorName]: Operator<Name> } = {
  conv2d,
  conv2dInputGradient,
  conv2dWeightGradient,
  batchNorm,
  batchNormGradient,
  runningStatistics,
  relu,
  reluGradient,
  relu6,
  relu6Gradient,
  add,
  maxPool,
  maxPoolGradient,
  globalAveragePool,
  globalAveragePoolGradient,
  linear,
  linearInputGradient,
  linearWeightGradient,
  linearBiasGradient,
  dropout,
  softmaxCrossEntropy,
  softmaxCrossEntropyGradient,
  barrier,
  blend,
  clipScale,
  sgd,
  adamW,
}

/** The operator of that name. */
export const operator = <Name extends OperatorName>(name: Name): Operator<Name> => operators[name]

/** The names of all operators. */
export const operatorNames = Object.keys(operators) as OperatorName[]
