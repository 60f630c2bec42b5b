/** From a definition to cells: every different configuration once, and the tables in which they stand. */
import { randomStream } from '../base/random.js'
import { checkOptions, type TrainingOptions } from '../training/index.js'
import type { Settings, StudyDefinition, Variation } from './definition.js'
import type { StudyCell, StudyRecord, StudySetting } from './record.js'
import { scaled, scaleEpochs } from './scaleEpochs.js'

export interface PlanOptions {
  /** Folder of class folders, or 'caltech101'. */
  readonly data: string
  /** What every cell's number of epochs is multiplied by, in (0, 1]. */
  readonly scaleEpochs: number
  readonly command: string
  readonly started: string
}

/** The options of one cell; where epochs are scaled, with every length in epochs. */
export const cellOptions = (base: Settings, settings: Settings, share: number): TrainingOptions =>
  scaleEpochs(checkOptions({ ...base, ...settings } as TrainingOptions), share)

/** A value of a variation for one trial. */
function drawn(variation: Variation, name: string, trial: number, seed: number): StudySetting {
  const random = randomStream(seed, 'study', name, trial)
  if (Array.isArray(variation)) return variation[random.integer(variation.length)] as StudySetting
  const [low, high] = 'uniform' in variation ? variation.uniform : variation['log-uniform']
  const value = 'uniform' in variation ? low + (high - low) * random.next() : low * (high / low) ** random.next()
  return Number(value.toPrecision(3))
}

/** The settings of all cells, in order; equal ones may occur more than once. */
function allSettings({ kind, vary, also, trials, seeds }: StudyDefinition): Settings[] {
  const options = Object.entries(vary)
  const lists = options.map(([name, values]) => [name, Array.isArray(values) ? values : []] as const)
  const seed = seeds[0] as number
  const main: Settings[] =
    kind === 'one-at-a-time'
      ? [{}, ...lists.flatMap(([name, values]) => values.map(value => ({ [name]: value })))]
      : kind === 'grid'
        ? lists.reduce<Settings[]>(
            (cells, [name, values]) => cells.flatMap(cell => values.map(value => ({ ...cell, [name]: value }))),
            [{}],
          )
        : Array.from({ length: trials }, (_, trial) =>
            Object.fromEntries(options.map(([name, values]) => [name, drawn(values, name, trial, seed)])),
          )
  return [...main, ...also]
}

/** 'lrBackbone-0.01_epochs-10', or 'base'; unique among cells, and good for a folder's name. */
function cellName(settings: Settings): string {
  const parts = Object.entries(settings).map(([name, value]) => `${name}-${[value].flat().join('+')}`)
  return (
    parts
      .join('_')
      .replace(/[^\w.+-]+/g, '-')
      .slice(0, 120) || 'base'
  )
}

/** Draws up what a study will do; nothing is run. @throws RegraftError('usage') where an option has a wrong value */
export function planStudy(definition: StudyDefinition, options: PlanOptions): StudyRecord {
  const { data, scaleEpochs: share, command, started } = options
  const { base, seeds } = definition
  const cells: StudyCell[] = []
  const known = new Map<string, number>()
  const cellOf = (settings: Settings): number => {
    // What the base has already is no difference.
    const different = Object.fromEntries(
      Object.entries(settings).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(base[name])),
    )
    const key = JSON.stringify(Object.entries(cellOptions(base, different, share)).sort())
    const before = known.get(key)
    if (before !== undefined) return before
    const name = cellName(different)
    const twin = cells.some(({ runs }) => runs[0]?.folder === folderOf(name, seeds[0] as number))
    const unique = twin ? `${name}_${cells.length}` : name
    cells.push({
      settings: different,
      runs: seeds.map(seed => ({ seed, folder: folderOf(unique, seed), state: 'waiting' })),
    })
    known.set(key, cells.length - 1)
    return cells.length - 1
  }
  for (const settings of allSettings(definition)) cellOf(settings)
  const tables =
    definition.kind === 'one-at-a-time'
      ? Object.entries(definition.vary).map(([option, values]) => ({
          option,
          rows: (values as StudySetting[]).map((value, i) => {
            const reference = definition.reference[option]?.[i]
            const row = { value, cell: cellOf({ [option]: value }) }
            return reference === undefined ? row : { ...row, reference: reference / 100 }
          }),
        }))
      : []
  const { name, kind, reduction } = definition
  const minEpochs = scaled(definition.minEpochs, share)
  const halving = kind === 'halving' ? { halving: { reduction, minEpochs } } : {}
  return { name, kind, data, base, seeds: [...seeds], ...halving, scaleEpochs: share, cells, tables, command, started }
}

const folderOf = (name: string, seed: number): string => `${name}_seed${seed}`
