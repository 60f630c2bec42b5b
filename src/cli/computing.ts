/** How commands that run a trained network compute: --engine, --precision and --threads, checked as for training. */
import type { Command } from 'commander'
import { checkOptions, settlePrecision, type TrainingOptions, trainingOptions } from '../training/index.js'
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

/** What an engine is told. @throws RegraftError('usage') that names the option and what it takes */
export async function computing({ engine, precision, threads }: ComputingOptions) {
  const checked = checkOptions(await settlePrecision({ engine, precision, threads }, tell))
  return {
    engine: checked.engine,
    ...(precision ? { precision: checked.precision } : {}),
    ...(checked.threads ? { threads: checked.threads } : {}),
  }
}
