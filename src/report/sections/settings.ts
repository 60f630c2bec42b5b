/** The settings of a run: those that differ from the defaults, and all. */
import { kebab } from '../../base/names.js'
import { type ResolvedOptions, trainingOptions } from '../../training/index.js'
import { type Block, paragraph, type Section, type Text } from '../document/document.js'
import { rateText } from '../figures/lrFinder.js'
import type { Words } from '../locales/words.js'

/** A setting's value as a person would write it. */
export function settingText(value: unknown, { numbers, done }: Words, option?: string): string {
  if (value === undefined) return ''
  if (typeof value === 'boolean') return value ? numbers.yes : numbers.no
  if (Array.isArray(value)) return value.length === 0 ? numbers.none : value.join(', ')
  if (option === 'lrBackbone' && value === 0) return done.lrFrozen
  if (typeof value !== 'number') return String(value)
  return rates.has(option ?? '') ? rateText(value) : numberText(value)
}

/** Options that are compared by their powers of ten. */
const rates = new Set(['lrBackbone', 'lrHead', 'weightDecay'])

/** 0.0001 as 1e-4, but 0.9, 30. */
function numberText(value: number): string {
  const size = Math.abs(value)
  return size > 0 && (size < 0.01 || size >= 1e6) ? value.toExponential().replace('e+', 'e') : String(value)
}

/** What an option is called: its name in the language, or its flag. */
export const optionName = (option: string, { options }: Words): string => options[option] ?? `--${kebab(option)}`

/** Where results go and how many threads there are is no setting of the experiment; data have their own section. */
const elsewhere = new Set(['run', 'network', 'weights', 'weightsPrefix', 'match', 'labels', 'exclude', 'skipBadImages'])

const defaults: Readonly<Record<string, unknown>> = trainingOptions.parse({})

/** Whether an option was given another value than its default. */
export const differs = (option: string, value: unknown): boolean =>
  JSON.stringify(value) !== JSON.stringify(defaults[option])

export function settingsSection(options: ResolvedOptions, words: Words): Section {
  const { done } = words
  const all = Object.entries(options).filter(([option]) => !elsewhere.has(option))
  const changed = all.filter(([option, value]) => differs(option, value))
  const row = ([option, value]: readonly [string, unknown]): Text[] => [
    [optionName(option, words)],
    { code: `--${kebab(option)}` },
    settingText(value, words, option),
    settingText(defaults[option], words, option),
  ]
  const table = (entries: typeof all): Block => ({
    kind: 'table',
    columns: [
      { title: done.setting },
      { title: '' },
      { title: done.value, numeric: true },
      { title: done.usual, numeric: true },
    ],
    rows: entries.map(row),
  })
  return {
    id: 'settings',
    title: done.settings,
    blocks: [
      changed.length > 0 ? table(changed) : paragraph(done.asUsual),
      { kind: 'details', summary: done.allSettings, blocks: [table(all)] },
    ],
  }
}
