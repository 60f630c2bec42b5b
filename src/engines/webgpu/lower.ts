/** Turns nodes into kernels. */
import { type Graph, lookUp, type Node, valuesOf } from '../../graph/index.js'
import { type Join, scalarByElement } from './flat.js'
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from './kernels/convolution.js'
import { depthwise, depthwiseInputGradient, depthwiseWeightGradient, isDepthwise } from './kernels/depthwise.js'
import { array, type Kernel, type Lowered, type Scratch } from './kernels/kernel.js'
import { linear, linearBiasGradient, linearInputGradient, linearWeightGradient } from './kernels/linear.js'
import { softmaxCrossEntropy, softmaxCrossEntropyGradient } from './kernels/loss.js'
import { batchNorm, batchNormGradient } from './kernels/norm.js'
import { globalAveragePool, globalAveragePoolGradient, maxPool, maxPoolGradient } from './kernels/pool.js'
import type { Subgroups } from './kernels/total.js'
import {
  activation,
  activationGradient,
  adamW,
  blend,
  clipScale,
  pair,
  runningStatistics,
  type ScalarContext,
  sgd,
} from './kernels/update.js'
import type { DeviceClass } from './tiles.js'

/** The scalar inputs of a graph, in the order in which they stand in the step's uniform buffer. */
export const scalarInputs = (graph: Graph): string[] =>
  valuesOf(graph, 'input')
    .filter(({ shape }) => shape.length === 0)
    .map(({ name }) => name)

function kernelsOf(node: Node, context: ScalarContext): Lowered {
  const weightOf = (at: number) => context.shape(node.inputs[at] as string)
  switch (node.operator) {
    case 'conv2d':
      return (isDepthwise(weightOf(1), node.attributes.groups) ? depthwise : conv2d)(node, context)
    case 'conv2dInputGradient':
      return (isDepthwise(weightOf(1), node.attributes.groups) ? depthwiseInputGradient : conv2dInputGradient)(
        node,
        context,
      )
    case 'conv2dWeightGradient': {
      const weight = context.shape(node.outputs[0] as string)
      return (isDepthwise(weight, node.attributes.groups) ? depthwiseWeightGradient : conv2dWeightGradient)(
        node,
        context,
      )
    }
    case 'batchNorm':
      return batchNorm(node, context)
    case 'batchNormGradient':
      return batchNormGradient(node, context)
    case 'runningStatistics':
      return runningStatistics(node, context)
    case 'relu':
    case 'relu6':
      return activation(node, context)
    case 'reluGradient':
    case 'relu6Gradient':
      return activationGradient(node, context)
    case 'add':
    case 'dropout':
      return pair(node, context)
    case 'maxPool':
      return maxPool(node, context)
    case 'maxPoolGradient':
      return maxPoolGradient(node, context)
    case 'globalAveragePool':
      return globalAveragePool(node, context)
    case 'globalAveragePoolGradient':
      return globalAveragePoolGradient(node, context)
    case 'linear':
      return linear(node, context)
    case 'linearInputGradient':
      return linearInputGradient(node, context)
    case 'linearWeightGradient':
      return linearWeightGradient(node, context)
    case 'linearBiasGradient':
      return linearBiasGradient(node, context)
    case 'softmaxCrossEntropy':
      return softmaxCrossEntropy(node, context)
    case 'softmaxCrossEntropyGradient':
      return softmaxCrossEntropyGradient(node, context)
    case 'blend':
      return blend(node, context)
    case 'clipScale':
      return clipScale(node, context)
    case 'sgd':
      return sgd(node, context)
    case 'adamW':
      return adamW(node, context)
    case 'barrier':
      // Kernels run in the order of their nodes anyway, and its output stands where its input does.
      return { kernels: [] }
  }
}

/** What kernels are made for. */
export interface Device {
  readonly device: DeviceClass
  readonly subgroups: Subgroups
}

/** All kernels in order, and the scratch memory between them; nodes that are joined become one kernel. */
export function lower(
  graph: Graph,
  { device, subgroups }: Device,
  joins: readonly Join[],
  standing: ScalarContext['standing'],
) {
  const scalars = scalarInputs(graph)
  const context: ScalarContext = {
    device,
    subgroups,
    standing,
    shape: name => lookUp(graph, name).shape,
    scalar: (variable, name) => {
      const at = scalars.indexOf(name)
      return at < 0
        ? { code: `${variable}[0]`, bound: [array(variable, name)] }
        : { code: `step_[${at >> 2}][${at & 3}]`, bound: [] }
    },
  }
  const within = (join: Join): ScalarContext => {
    const lengths = new Map(join.flats.map(({ name, starts }) => [name, [starts.at(-1) as number]]))
    return {
      ...context,
      shape: name => lengths.get(name) ?? context.shape(name),
      scalar: (variable, name) => {
        const own = context.scalar(variable, name)
        if (own.bound.length > 0) return own
        const code = scalarByElement(
          graph,
          join,
          join.node.inputs.indexOf(name),
          one => context.scalar(variable, one).code,
        )
        return { code, bound: [] }
      },
    }
  }
  const joined = new Map(joins.flatMap(join => join.members.map(index => [index, join] as const)))
  const kernels: Kernel[] = []
  const scratch: Scratch[] = []
  graph.nodes.forEach((node, index) => {
    const join = joined.get(index)
    if (join && join.at !== index) return
    const lowered = join ? kernelsOf(join.node, within(join)) : kernelsOf(node, context)
    kernels.push(...lowered.kernels)
    scratch.push(...(lowered.scratch ?? []))
  })
  return { kernels, scratch }
}
