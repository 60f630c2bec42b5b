/** How validation accuracy goes with the values of one setting, over all runs of a search. */
import type { TopLevelSpec } from 'vega-lite'
import { en } from '../locales/en.js'
import type { FigureWords } from '../locales/words.js'
import { niceDomain } from './axes.js'
import { colours } from './theme.js'

export interface Response {
  /** Of the setting. */
  readonly value: number
  /** Validation accuracy, a share. */
  readonly accuracy: number
  /** Given up early: not comparable with the others. */
  readonly stopped: boolean
}

/** Values that span more than this are drawn by their powers of ten. */
const widest = 30

/** @param option the setting, as people call it; several settings vary at once, so points scatter */
export function responseFigure(
  option: string,
  responses: readonly Response[],
  words: FigureWords = en.figures,
): TopLevelSpec {
  const text = words.response
  const numbers = responses.map(({ value }) => value)
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)]
  const logarithmic = low > 0 && high / low > widest
  const names = [text.finished, ...(responses.some(({ stopped }) => stopped) ? [text.stopped] : [])]
  const values = responses.map(({ value, accuracy, stopped }) => ({
    value,
    accuracy: 100 * accuracy,
    name: stopped ? text.stopped : text.finished,
  }))
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: text.title(option),
    width: 480,
    height: 240,
    data: { values },
    mark: { type: 'circle', size: 60, opacity: 0.75 },
    encoding: {
      x: {
        field: 'value',
        type: 'quantitative',
        title: option,
        scale: logarithmic
          ? { type: 'log', domain: [low, high], nice: false, padding: 12 }
          : { zero: false, padding: 12 },
        axis: { grid: false, tickCount: 6, ...(logarithmic ? { format: '.0e', labelOverlap: true } : {}) },
      },
      y: {
        field: 'accuracy',
        type: 'quantitative',
        title: words.validationAxis,
        scale: {
          domain: niceDomain(
            values.map(({ accuracy }) => accuracy),
            { least: 5, highest: 100 },
          ),
          nice: false,
        },
        axis: { tickCount: 5 },
      },
      color: {
        field: 'name',
        type: 'nominal',
        scale: { domain: names, range: [colours.validation, colours.training].slice(0, names.length) },
        legend: names.length > 1 ? { title: null, orient: 'top', symbolOpacity: 1 } : null,
      },
    },
  }
}
