/** The figure of a learning-rate finder: the loss over rates that rise step by step, and the rate that follows from it. */
import type { TopLevelSpec } from 'vega-lite'
import { en } from '../locales/en.js'
import type { FigureWords } from '../locales/words.js'
import { niceDomain } from './axes.js'
import { colours } from './theme.js'

/** What a finder measured; `losses[i]` at `rates[i]`. */
export interface RateSweep {
  /** Above 0, rising. */
  readonly rates: readonly number[]
  /** Smoothed or not; what is no finite number ends the curve. */
  readonly losses: readonly number[]
  /** Absent where no rate can be suggested. */
  readonly suggestion?: number | undefined
  /** Whose rate it is: shown below the title. */
  readonly part?: string | undefined
}

/** Far above its start the loss has diverged: showing it would flatten the rest. */
const mostOfStart = 1.4

/** A rate as people write it: 0.001 as 1e-3, 0.025 as 2.5e-2; three digits at most. */
export const rateText = (rate: number): string =>
  rate === 0 ? '0' : Number(rate.toPrecision(3)).toExponential().replace('e+', 'e').replace(/e0$/, '')

/** Loss over learning rate, on a logarithmic axis, with the suggested rate marked. */
export function lrFinderFigure(
  { rates, losses, suggestion, part }: RateSweep,
  words: FigureWords = en.figures,
): TopLevelSpec {
  const text = words.finder
  const all = rates.map((rate, i) => ({ rate, loss: losses[i] ?? Number.NaN }))
  const end = all.findIndex(({ loss }) => !Number.isFinite(loss))
  const values = end === -1 ? all : all.slice(0, end)
  const highest = Math.max(0, ...values.slice(0, Math.max(1, values.length >> 2)).map(({ loss }) => loss)) * mostOfStart
  const [low, high] = niceDomain(
    values.map(({ loss }) => Math.min(loss, highest)),
    { least: 0.1 },
  )
  const domain = values.length > 1 ? [values[0]!.rate, values.at(-1)!.rate] : [1e-6, 1]
  const mark = suggestion === undefined ? [] : [{ rate: suggestion, label: text.suggestion(rateText(suggestion)) }]
  const x = {
    field: 'rate',
    type: 'quantitative' as const,
    title: text.rate,
    scale: { type: 'log' as const, domain, nice: false },
    axis: { format: '.0e', grid: false, tickCount: 6, labelOverlap: true },
  }
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: text.title, ...(part === undefined ? {} : { subtitle: part }) },
    width: 560,
    height: 320,
    layer: [
      {
        data: { values },
        mark: { type: 'line', strokeWidth: 2.5, color: colours.validation, clip: true },
        encoding: {
          x,
          y: {
            field: 'loss',
            type: 'quantitative',
            title: words.lossAxis,
            scale: { domain: [low, high], nice: false },
            axis: { tickCount: 5 },
          },
        },
      },
      {
        data: { values: mark },
        mark: { type: 'rule', color: colours.highlight, strokeDash: [2, 3], strokeWidth: 1.5 },
        encoding: { x },
      },
      {
        data: { values: mark },
        mark: { type: 'text', y: -10, align: 'center', color: colours.highlight },
        encoding: { x, text: { field: 'label' } },
      },
    ],
  }
}
