/** Parameter groups: which parameters are trained, and the learning rate and weight decay that each follows. */
import { RegraftError } from '../base/errors.js'
import { closest } from '../base/suggest.js'
import type { Value } from '../graph/index.js'
import { belongsTo, type Network } from '../models/index.js'
import type { ResolvedOptions } from './options.js'

export interface ParameterGroup {
  readonly name: string
  /** Before the schedule. */
  readonly rate: number
  readonly decay: number
  /** Whether its parameters decay to their pretrained values instead of zero. */
  readonly toPretrained: boolean
}

export interface ParameterGroups {
  readonly all: readonly ParameterGroup[]
  groupOf(parameter: string): string
}

const stageOf = (network: Network, parameter: string): number =>
  network.stages.findIndex(modules => modules.some(module => belongsTo(parameter, module)))

/** Tells of each parameter whether the options freeze it. @throws RegraftError('usage') for an unknown stage */
export function frozenParameters(
  network: Network,
  options: Pick<ResolvedOptions, 'lrBackbone' | 'lrHead' | 'freezeUntil'>,
): (parameter: string) => boolean {
  const names = network.stages.map(([name]) => name)
  const { freezeUntil } = options
  if (freezeUntil !== undefined && !names.includes(freezeUntil)) {
    const hint = closest(freezeUntil, names)
    throw new RegraftError(
      'usage',
      `--freeze-until ${freezeUntil}: ${network.name} has no such stage${hint ? `; did you mean ${hint}?` : ''} Stages: ${names.join(', ')}`,
    )
  }
  const first = freezeUntil === undefined ? 0 : names.indexOf(freezeUntil)
  return parameter =>
    belongsTo(parameter, network.head)
      ? options.lrHead === 0
      : options.lrBackbone === 0 || stageOf(network, parameter) < first
}

/**
 * Groups by learning rate and weight decay. The head has its own rate; a stage of the trunk trains at
 * lrBackbone * lrDecayPerStage^(stages between it and the head). `noDecay` takes norms (their weights and biases) or
 * all biases out of the weight decay. With `l2Sp` the trunk decays by it to its pretrained values.
 */
export function parameterGroups(
  network: Network,
  parameters: readonly Value[],
  options: Pick<ResolvedOptions, 'lrBackbone' | 'lrHead' | 'lrDecayPerStage' | 'weightDecay' | 'noDecay' | 'l2Sp'>,
): ParameterGroups {
  const vectors = new Set(parameters.filter(({ shape }) => shape.length === 1).map(({ name }) => name))
  const lastStage = network.stages.length - 2
  const plainLayers = new Set(
    parameters.filter(({ shape }) => shape.length > 1).map(({ name }) => name.replace(/weight$/, 'bias')),
  )
  const decays = (name: string) =>
    !(
      (options.noDecay.includes('bias') && name.endsWith('.bias')) ||
      (options.noDecay.includes('norm') && vectors.has(name) && !plainLayers.has(name))
    )
  const place = (name: string): { part: string; rate: number } => {
    if (belongsTo(name, network.head)) return { part: 'head', rate: options.lrHead }
    if (options.lrDecayPerStage === 1) return { part: 'backbone', rate: options.lrBackbone }
    const stage = stageOf(network, name)
    const rate = options.lrBackbone * options.lrDecayPerStage ** (lastStage - stage)
    return { part: network.stages[stage]![0], rate }
  }
  const groupOf = (name: string) => `${place(name).part}${decays(name) ? '' : '.noDecay'}`
  const all = new Map<string, ParameterGroup>()
  for (const { name } of parameters) {
    const group = groupOf(name)
    const toPretrained = options.l2Sp !== undefined && decays(name) && !belongsTo(name, network.head)
    const decay = toPretrained ? (options.l2Sp as number) : options.weightDecay
    all.set(group, { name: group, rate: place(name).rate, decay: decays(name) ? decay : 0, toPretrained })
  }
  return { all: [...all.values()], groupOf }
}
