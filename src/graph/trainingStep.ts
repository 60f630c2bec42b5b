/** Makes the whole training step of a network one graph: forward, loss, gradients, updates. */
import { GraphBuilder } from './builder.js'
import { differentiate } from './differentiate.js'
import { type Graph, lookUp } from './graph.js'
import type { AttributesOf } from './operators/attributes.js'
import { fuse } from './passes/fuse.js'
import { forTraining } from './passes/mode.js'
import { prune } from './passes/prune.js'

/** How parameters follow their gradients. */
export type Optimiser =
  | ({ readonly name: 'sgd' } & AttributesOf<'sgd'>)
  | ({ readonly name: 'adamW' } & AttributesOf<'adamW'>)

/** What a training step does beside the gradients. */
export interface TrainingStepOptions {
  readonly optimiser: Optimiser
  /** The group whose learning rate and weight decay a parameter follows, for instance 'backbone' or 'head'. */
  readonly groupOf: (parameter: string) => string
  /** Keep batch norm on its stored statistics, though its weights are trained. */
  readonly storedStatistics?: boolean
  /** Gather gradients over several runs (`<parameter>.gradient`) before they count. */
  readonly accumulate?: boolean
  /** Scale gradients down where their common norm is above a limit. */
  readonly clip?: boolean
  /** Keep a moving average of parameters and running statistics (`<name>.average`). */
  readonly average?: boolean
  /** Parameters that decay towards a reference (`<parameter>.reference`) instead of zero: L2-SP, Li et al. 2018. */
  readonly decaysToReference?: (parameter: string) => boolean
}

/** Name of the scalar input that holds a group's learning rate. */
export const learningRateOf = (group: string): string => `learningRate.${group}`
/** Name of the scalar input that holds a group's weight decay. */
export const weightDecayOf = (group: string): string => `weightDecay.${group}`
/** Name of the scalar input that weighs the reference which a group's parameters decay to. */
export const referenceShareOf = (group: string): string => `referenceShare.${group}`
/** Name of the state that holds what a parameter decays to. */
export const referenceOf = (parameter: string): string => `${parameter}.reference`
/** Name of the state that holds the moving average of a parameter or statistic. */
export const averageOf = (name: string): string => `${name}.average`

/**
 * The training step of a forward graph whose only output are the logits [N, classes].
 *
 * Further inputs: `targets` [N, classes], a learning rate and a weight decay per group, and `momentum` (SGD) or
 * `correction1`, `correction2`, `beta1` and `beta2` (AdamW), all scalars, so that a schedule never recompiles. With
 * `accumulate`: `gradientKeep` and `gradientShare`, by which old and new gradients are weighted, and `gradientScale`,
 * which is 0 while gradients are only gathered; with `clip`: `gradientLimit` instead of the latter; with `average`:
 * `averageKeep` and `averageShare`. Where parameters decay to a reference: `one`, which is 1, and a reference share per
 * group, minus the weight decay (SGD) or learning rate times weight decay (AdamW), since d (w - r) is d w - d r.
 * Outputs: `loss` (scalar) and the logits.
 * Updates: parameters, the optimiser's state, running statistics, gathered gradients and averages.
 */
export function trainingStep(forward: Graph, options: TrainingStepOptions): Graph {
  const { graph, gradients, logits } = withGradients(forward, options.storedStatistics)
  const builder = new GraphBuilder(`${forward.name}.trainingStep`, graph)
  const updates = new Map(graph.updates)
  const scalar = (name: string) => (builder.values.has(name) ? name : builder.declare(name, 'input', []))
  const blended = (old: string, value: string, kind: 'gradient' | 'average') => {
    const inputs = [old, value, scalar(`${kind}Keep`), scalar(`${kind}Share`)]
    const next = builder.one('blend', `${old}.next`, inputs, {})
    updates.set(old, next)
    return next
  }
  const totals = new Map(
    [...gradients].map(([parameter, gradient]) => {
      if (!options.accumulate) return [parameter, gradient]
      const total = builder.declare(`${parameter}.gradient`, 'state', lookUp(graph, parameter).shape)
      return [parameter, blended(total, gradient, 'gradient')]
    }),
  )
  const scale = options.clip
    ? [builder.one('clipScale', 'gradientClip', [scalar('gradientLimit'), ...totals.values()], {})]
    : options.accumulate
      ? [scalar('gradientScale')]
      : []
  for (const [parameter, gradient] of totals) {
    const shape = lookUp(graph, parameter).shape
    const group = options.groupOf(parameter)
    const rate = scalar(learningRateOf(group))
    const decay = scalar(weightDecayOf(group))
    const toReference = options.decaysToReference?.(parameter) ?? false
    const reference = toReference ? builder.declare(referenceOf(parameter), 'state', shape) : ''
    const withReference = (value: string, keep: string) =>
      builder.one('blend', `${parameter}.pulled`, [value, reference, keep, scalar(referenceShareOf(group))], {})
    if (options.optimiser.name === 'sgd') {
      const velocity = builder.declare(`${parameter}.velocity`, 'state', shape)
      // Decay is not clipped: gradients are scaled before their share of the reference comes to them.
      const pulled = toReference ? withReference(gradient, scale[0] ?? scalar('one')) : gradient
      const [next, nextVelocity] = builder.node(
        'sgd',
        `${parameter}.next`,
        [parameter, pulled, velocity, rate, scalar('momentum'), decay, ...(toReference ? [] : scale)],
        { nesterov: options.optimiser.nesterov },
        ['', 'velocity'],
      ) as [string, string]
      updates.set(parameter, next).set(velocity, nextVelocity)
    } else {
      const { eps } = options.optimiser
      const first = builder.declare(`${parameter}.firstMoment`, 'state', shape)
      const second = builder.declare(`${parameter}.secondMoment`, 'state', shape)
      const [next, nextFirst, nextSecond] = builder.node(
        'adamW',
        `${parameter}.next`,
        [
          parameter,
          gradient,
          first,
          second,
          rate,
          decay,
          ...['correction1', 'correction2', 'beta1', 'beta2'].map(scalar),
          ...scale,
        ],
        { eps },
        ['', 'firstMoment', 'secondMoment'],
      ) as [string, string, string]
      updates
        .set(parameter, toReference ? withReference(next, scalar('one')) : next)
        .set(first, nextFirst)
        .set(second, nextSecond)
    }
  }
  if (options.average)
    for (const [name, next] of [...updates]) {
      const { role, shape } = lookUp(builder, name)
      if (role !== 'state') blended(builder.declare(averageOf(name), 'state', shape), next, 'average')
    }
  return prune(builder.build(['loss', logits], updates))
}

/**
 * Loss and gradients without updates, for comparing engines: outputs are `loss`, the logits and every gradient, and
 * running statistics are updated.
 */
export function gradientStep(
  forward: Graph,
  storedStatistics = false,
): { readonly graph: Graph; readonly gradients: ReadonlyMap<string, string> } {
  const { graph, gradients, logits } = withGradients(forward, storedStatistics)
  return { graph: prune({ ...graph, outputs: ['loss', logits, ...gradients.values()] }), gradients }
}

function withGradients(forward: Graph, storedStatistics = false) {
  const fused = fuse(forTraining(forward, storedStatistics))
  const logits = fused.outputs[0] as string
  const builder = new GraphBuilder(forward.name, fused)
  const targets = builder.declare('targets', 'input', lookUp(fused, logits).shape)
  const loss = builder.one('softmaxCrossEntropy', 'loss', [logits, targets], {})
  return { ...differentiate(builder.build([loss, logits], fused.updates), loss), logits }
}
