/** How test accuracy changes with one setting: a point with its interval for each value, the reference's figure beside it. */
import type { TopLevelSpec } from 'vega-lite'
import { en } from '../locales/en.js'
import type { FigureWords } from '../locales/words.js'
import { niceDomain } from './axes.js'
import { colours } from './theme.js'

export interface ComparedValue {
  readonly label: string
  /** Shares from 0 to 1; absent where nothing was measured. */
  readonly mean?: number | undefined
  readonly interval?: readonly [number, number] | undefined
  readonly reference?: number | undefined
}

const rowHeight = 34

/** @param option what varies, as people call it */
export function comparisonFigure(
  option: string,
  rows: readonly ComparedValue[],
  words: FigureWords = en.figures,
): TopLevelSpec {
  const text = words.comparison
  const percent = (share: number | undefined) => (share === undefined ? undefined : 100 * share)
  const measured = rows.flatMap(({ label, mean, interval }) =>
    mean === undefined
      ? []
      : [{ label, name: text.here, value: percent(mean), low: percent(interval?.[0]), high: percent(interval?.[1]) }],
  )
  const references = rows.flatMap(({ label, reference }) =>
    reference === undefined ? [] : [{ label, name: text.reference, value: percent(reference) }],
  )
  const shown = [...measured.flatMap(({ value, low, high }) => [value, low, high]), ...references.map(r => r.value)]
  const domain = niceDomain(
    shown.flatMap(value => value ?? []),
    { least: 5, highest: 100 },
  )
  const y = {
    field: 'label',
    type: 'nominal' as const,
    sort: null,
    title: null,
    scale: { domain: rows.map(({ label }) => label) },
    axis: { domain: false, ticks: false, labelPadding: 10, labelLimit: 200, grid: true },
  }
  const x = {
    field: 'value',
    type: 'quantitative' as const,
    title: text.axis,
    scale: { domain, nice: false, padding: 10 },
    axis: { tickCount: 6, grid: false },
  }
  const names = [text.here, ...(references.length > 0 ? [text.reference] : [])]
  const kind = {
    field: 'name',
    type: 'nominal' as const,
    legend: references.length > 0 ? { title: null, orient: 'top' as const, symbolOpacity: 1 } : null,
  }
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: text.title(option),
    width: 480,
    height: rowHeight * Math.max(rows.length, 1),
    layer: [
      {
        data: { values: measured },
        mark: { type: 'rule', strokeWidth: 3, opacity: 0.35, color: colours.validation },
        encoding: { y, x: { ...x, field: 'low' }, x2: { field: 'high' } },
      },
      {
        data: { values: [...measured, ...references] },
        mark: { type: 'point', filled: true, size: 90, opacity: 1 },
        encoding: {
          x,
          y,
          color: {
            ...kind,
            scale: { domain: names, range: [colours.validation, colours.highlight].slice(0, names.length) },
          },
          shape: { ...kind, scale: { domain: names, range: ['circle', 'diamond'].slice(0, names.length) } },
        },
      },
    ],
  }
}
