/** Progressive unfreezing: which part of the network is trained in which epoch. */
import { RegraftError } from '../base/errors.js'
import type { Network } from '../models/index.js'
import { frozenParameters } from './groups.js'
import type { ResolvedOptions } from './options.js'

type PhaseOptions = Pick<ResolvedOptions, 'unfreeze' | 'freezeUntil' | 'lrBackbone' | 'lrHead'>

/**
 * The stage that training starts from in an epoch (from 0), as `freezeUntil` names it; undefined where all is trained.
 * `head:3,layer4:3,all`: three epochs of the head, three from layer4 on, then everything; the last entry lasts.
 */
export function trainedFrom(epoch: number, network: Network, options: PhaseOptions): string | undefined {
  if (options.unfreeze.length === 0) return options.freezeUntil
  let until = 0
  const entry =
    options.unfreeze.find(text => {
      until += Number(text.split(':')[1] ?? Number.POSITIVE_INFINITY)
      return epoch < until
    }) ?? (options.unfreeze.at(-1) as string)
  const [stage] = entry.split(':')
  return stage === 'all' ? undefined : stage === 'head' ? network.stages.at(-1)![0] : stage
}

/** @throws RegraftError('usage') where a stage is unknown, or options exclude one another */
export function checkPhases(network: Network, options: PhaseOptions): void {
  const { unfreeze, freezeUntil, lrBackbone } = options
  if (unfreeze.length > 0 && (freezeUntil !== undefined || lrBackbone === 0))
    throw new RegraftError(
      'usage',
      `--unfreeze says what is trained when; leave out ${freezeUntil === undefined ? '--lr-backbone 0' : '--freeze-until'}`,
    )
  const open = unfreeze.slice(0, -1).find(text => !text.includes(':'))
  if (open !== undefined)
    throw new RegraftError('usage', `--unfreeze ${unfreeze.join(',')}: say for how many epochs, as in ${open}:3`)
  let epoch = 0
  for (const text of unfreeze.length > 0 ? unfreeze : ['all']) {
    frozenParameters(network, { ...options, freezeUntil: trainedFrom(epoch, network, options) })
    epoch += Number(text.split(':')[1] ?? 1)
  }
}
