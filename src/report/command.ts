/** The command that makes a run anew. */
import { kebab } from '../base/names.js'
import { shellOption, shellWord } from '../base/shell.js'
import type { RunConfig } from '../training/index.js'
import { differs } from './sections/settings.js'

/** Not of the experiment, or given by what was resolved. */
const left = new Set(['run', 'network', 'weights', 'seed', 'engine', 'threads'])

/** An option as it is typed, a list as several. */
export function flags(name: string, value: unknown): string[] {
  if (value === undefined || value === false) return []
  if (value === true) return [`--${kebab(name)}`]
  const values = Array.isArray(value) ? value : [value]
  return values.map(item => shellOption(`--${kebab(name)}`, String(item)))
}

/** `npx regraft train …` with everything that differs from the defaults, and what was decided where it was left open. */
export function trainCommand({ data, network, options, provenance, environment }: RunConfig): string {
  const resolved = {
    network,
    weights: options.weights ?? provenance.source,
    seed: options.seed,
    engine: environment.engine,
    threads: environment.threads,
  }
  const changed = Object.entries(options).filter(([name, value]) => !left.has(name) && differs(name, value))
  const parts = [...Object.entries(resolved).slice(0, 2), ...changed, ...Object.entries(resolved).slice(2)]
  return [`npx regraft train ${shellWord(data)}`, ...parts.flatMap(([name, value]) => flags(name, value))].join(
    ' \\\n  ',
  )
}
