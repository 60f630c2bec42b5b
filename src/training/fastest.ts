/** Which engine and precision train a network fastest: some steps of each, timed in turns, and remembered. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { cachePath } from '../base/cache.js'
import { writeJson } from '../base/files.js'
import { parseJson } from '../base/json.js'
import { version } from '../base/version.js'
import type { Engine, Precision } from '../engines/index.js'

/** What a network could be trained with. */
export interface Candidate {
  readonly engine: Engine
  readonly precision: Precision
}

/** A step that can be run again and again. */
export interface Trial {
  step(): Promise<unknown>
  dispose(): Promise<void>
}

/** Rounds that are timed, in each of which every candidate runs a step; one round before them warms up. */
const ROUNDS = 4

const times = z.record(z.string(), z.record(z.string(), z.number().positive()))

/** How a candidate is called in messages and in what is remembered. */
export const candidateName = ({ engine, precision }: Candidate): string => `${engine.name} in ${precision}`

/**
 * @param candidates at least one; one that cannot start (too little memory, say) is left out
 * @param start compiles a candidate
 * @param key what the times depend on: CPU, threads, network, batch and size
 * @returns the fastest, and the seconds of a step of each that could start
 * @throws what the last one failed with, where none could start
 */
export async function fastest(
  candidates: readonly Candidate[],
  start: (candidate: Candidate) => Promise<Trial>,
  key: string,
): Promise<{ readonly best: Candidate; readonly seconds: Readonly<Record<string, number>> }> {
  const whole = `regraft ${version}, ${candidates.map(({ engine }) => engine.library).join(', ')}, ${key}`
  const text = await readFile(cachePath('speeds.json'), 'utf8').catch(() => '')
  const known = times.safeParse(parseJson(text)).data ?? {}
  const found = known[whole]
  const seconds = found && candidates.some(one => found[candidateName(one)]) ? found : await measured(candidates, start)
  // A cache that cannot be written costs some seconds the next time
  if (seconds !== found) await writeJson(cachePath('speeds.json'), { ...known, [whole]: seconds }).catch(() => {})
  const time = (one: Candidate) => seconds[candidateName(one)] ?? Number.POSITIVE_INFINITY
  return { best: candidates.reduce((a, b) => (time(b) < time(a) ? b : a)), seconds }
}

async function measured(
  candidates: readonly Candidate[],
  start: (candidate: Candidate) => Promise<Trial>,
): Promise<Record<string, number>> {
  const trials: { name: string; trial: Trial; seconds: number }[] = []
  let failure: unknown
  try {
    for (const candidate of candidates)
      try {
        const trial = await start(candidate)
        trials.push({ name: candidateName(candidate), trial, seconds: Number.POSITIVE_INFINITY })
      } catch (error) {
        failure = error
      }
    if (trials.length === 0) throw failure
    // In turns, since other programs come and go; the quickest of each, which they disturbed least
    for (let round = 0; round <= ROUNDS; round++)
      for (const one of trials) {
        const began = performance.now()
        await one.trial.step()
        if (round > 0) one.seconds = Math.min(one.seconds, (performance.now() - began) / 1000)
      }
  } finally {
    for (const { trial } of trials) await trial.dispose()
  }
  return Object.fromEntries(trials.map(({ name, seconds }) => [name, seconds]))
}
