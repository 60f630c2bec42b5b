/** How commands that run a trained network compute: --engine, --precision and --threads, checked as for training. */
import type { Command } from 'commander'
import {
  checkOptions,
  inferencePrecision,
  type Model,
  readModel,
  type TrainingOptions,
  trainingOptions,
} from '../training/index.js'
import { addOptions } from './options.js'
import { warn } from './terminal/say.js'

/** As they are given on the command line. */
export type ComputingOptions = Pick<TrainingOptions, 'engine' | 'precision' | 'threads'>

/** @param precision what it is where it is left out, in words */
export function addComputing(command: Command, precision: string): Command {
  return addOptions(command, trainingOptions.pick({ engine: true, threads: true })).option(
    '--precision <CHOICE>',
    `how activations are stored: float32, bfloat16 (bf16) or auto; default: ${precision}`,
  )
}

/** Beside the results, which others may read. */
const tell = (message: string) => warn(`${message}\n`)

/**
 * Checks at once how a trained network is to be run; what comes back says what its engine is told, and with 'auto' in which
 * precision the model runs faster here.
 * @throws RegraftError('usage') that names the option and what it takes
 */
export function computing({ engine, precision, threads }: ComputingOptions) {
  const open = precision === 'auto'
  const checked = checkOptions({ engine, threads, ...(open ? {} : { precision }) })
  /** @param model or its folder; undefined where none is run @param batch images of a run of the engine */
  return async (model: string | Model | undefined, batch = 16) => {
    const choose = async () =>
      inferencePrecision(typeof model === 'string' ? await readModel(model) : model!, batch, checked, tell)
    return {
      engine: checked.engine,
      ...(precision ? { precision: open && model !== undefined ? await choose() : checked.precision } : {}),
      ...(checked.threads ? { threads: checked.threads } : {}),
    }
  }
}
