/** What benchmarks beside PyTorch share: the Python that has it, drawn images, contenders that may not be here, and medians. */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { demoShapes } from '../examples/pictogramShapes.js'
import { drawPictograms } from '../examples/pictograms.js'
import { type Contender, startContender } from './process.js'

export const python = process.env.REGRAFT_PEER_PYTHON ?? 'python3'

/** What a line of Python prints, or nothing where it fails. */
export function printedByPython(code: string): string | undefined {
  try {
    return execFileSync(python, ['-c', code], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

/** A folder of drawn images in class folders, until the process ends. */
export async function drawnImages(imagesPerClass: number, size: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  await drawPictograms(folder, { shapes: demoShapes, imagesPerClass, size, seed: 3 })
  return folder
}

/** Programs that are told what to measure by their only argument. */
const programs = {
  regraft: { command: process.execPath, script: fileURLToPath(new URL('./contender.js', import.meta.url)) },
  pytorch: { command: python, script: fileURLToPath(new URL('../../bench/peer.py', import.meta.url)) },
} as const

/** Starts a contender, or says why it is not measured. */
export async function contender(
  name: string,
  program: keyof typeof programs,
  setting: object,
  environment: Readonly<Record<string, string>> = {},
): Promise<Contender | undefined> {
  const { command, script } = programs[program]
  try {
    return await startContender(command, [script, JSON.stringify(setting)], environment)
  } catch (error) {
    console.log(`  ${name}: not measured (${(error as Error).message})`)
    return undefined
  }
}

/** The upper one of an even number. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] as number

/** Seconds of a run among `times`: the best of runs that are alike, the mean of those that wait for images. */
export const secondsOf = (times: readonly number[], waits: boolean): number =>
  waits ? times.reduce((a, b) => a + b, 0) / times.length : Math.min(...times)
