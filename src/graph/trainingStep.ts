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

export interface TrainingStepOptions {
  readonly optimiser: Optimiser
  /** The group whose learning rate and weight decay a parameter follows, for instance 'backbone' or 'head'. */
  readonly groupOf: (parameter: string) => string
  /** Keep batch norm on its stored statistics, though its weights are trained. */
  readonly storedStatistics?: boolean
}

/** Name of the scalar input that holds a group's learning rate. */
export const learningRateOf = (group: string): string => `learningRate.${group}`
/** Name of the scalar input that holds a group's weight decay. */
export const weightDecayOf = (group: string): string => `weightDecay.${group}`

/**
 * The training step of a forward graph whose only output are the logits [N, classes].
 *
 * Further inputs: `targets` [N, classes], a learning rate and a weight decay per group, and `momentum` (SGD) or
 * `correction1` and `correction2` (AdamW), all scalars, so that a schedule never recompiles.
 * Outputs: `loss` (scalar), the logits, then with `gradients` each trainable parameter's gradient.
 * Updates: parameters, momentum (`<parameter>.velocity`) and running statistics.
 */
export function trainingStep(forward: Graph, options: TrainingStepOptions): Graph {
  const { graph, gradients, logits } = withGradients(forward, options.storedStatistics)
  const builder = new GraphBuilder(`${forward.name}.trainingStep`, graph)
  const updates = new Map(graph.updates)
  const scalar = (name: string) => (builder.values.has(name) ? name : builder.declare(name, 'input', []))
  for (const [parameter, gradient] of gradients) {
    const shape = lookUp(graph, parameter).shape
    const group = options.groupOf(parameter)
    const rate = scalar(learningRateOf(group))
    const decay = scalar(weightDecayOf(group))
    if (options.optimiser.name === 'sgd') {
      const velocity = builder.declare(`${parameter}.velocity`, 'state', shape)
      const [next, nextVelocity] = builder.node(
        'sgd',
        `${parameter}.next`,
        [parameter, gradient, velocity, rate, scalar('momentum'), decay],
        { nesterov: options.optimiser.nesterov },
        ['', 'velocity'],
      ) as [string, string]
      updates.set(parameter, next).set(velocity, nextVelocity)
    } else {
      const { beta1, beta2, eps } = options.optimiser
      const first = builder.declare(`${parameter}.firstMoment`, 'state', shape)
      const second = builder.declare(`${parameter}.secondMoment`, 'state', shape)
      const [next, nextFirst, nextSecond] = builder.node(
        'adamW',
        `${parameter}.next`,
        [parameter, gradient, first, second, rate, decay, scalar('correction1'), scalar('correction2')],
        { beta1, beta2, eps },
        ['', 'firstMoment', 'secondMoment'],
      ) as [string, string, string]
      updates.set(parameter, next).set(first, nextFirst).set(second, nextSecond)
    }
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
