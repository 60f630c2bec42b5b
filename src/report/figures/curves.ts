/** Curves of accuracy and loss over epochs, for training and validation. */
import type { TopLevelSpec } from 'vega-lite'
import { en } from '../locales/en.js'
import type { FigureWords } from '../locales/words.js'
import { niceDomain, spread, wholeTicks } from './axes.js'
import { categories, colours } from './theme.js'

/** One epoch; accuracies are fractions, epochs count from 1. */
export interface CurvePoint {
  readonly epoch: number
  readonly train: { readonly loss: number; readonly top1: number }
  readonly validation?: { readonly loss: number; readonly top1: number } | undefined
}

type Measure = 'loss' | 'top1'

/** One line of a figure, in the units that are shown. */
interface Line {
  readonly name: string
  readonly colour: string
  readonly points: readonly { readonly epoch: number; readonly value: number }[]
}

interface Mark {
  readonly epoch: number
  readonly value: number
  readonly label: string
}

const size = { width: 560, height: 320 }
/** Most epochs that get a point each. */
const mostPoints = 40
/** Pixels from one label at the end of a line to the next. */
const labelHeight = 17

const shown = (measure: Measure, value: number): number => (measure === 'top1' ? 100 * value : value)

/** Lines that are labelled at their ends, and a marked point whose label stands above the plot, where no line runs. */
function lineFigure(
  title: string,
  measure: Measure,
  lines: readonly Line[],
  words: FigureWords,
  mark?: Mark,
): TopLevelSpec {
  const values = lines.flatMap(({ name, points }) => points.map(point => ({ name, ...point })))
  const epochs = values.map(({ epoch }) => epoch)
  const [first, last] = epochs.length > 0 ? [Math.min(...epochs), Math.max(...epochs)] : [1, 1]
  const [low, high] = niceDomain(
    values.map(({ value }) => value),
    measure === 'top1' ? { least: 5, highest: 100 } : { least: 0.1, from: 0 },
  )
  const ends = lines.flatMap(({ name, points }) => points.slice(-1).map(({ value }) => ({ name, value })))
  const heights = spread(
    ends.map(({ value }) => (size.height * (high - value)) / (high - low)),
    labelHeight,
    size.height,
  )
  const x = {
    field: 'epoch',
    type: 'quantitative' as const,
    title: words.epoch,
    scale: { domain: first === last ? [first - 0.5, last + 0.5] : [first, last], nice: false, padding: 10 },
    // The format alone would set a tickMinStep of 1, by which Vega thins out the given ticks.
    axis: { values: wholeTicks(first, last), format: 'd', tickMinStep: 0.1, grid: false },
  }
  const y = {
    field: 'value',
    type: 'quantitative' as const,
    title: measure === 'top1' ? words.accuracyAxis : words.lossAxis,
    scale: { domain: [low, high], nice: false },
    axis: { tickCount: 5 },
  }
  const color = {
    field: 'name',
    type: 'nominal' as const,
    scale: { domain: lines.map(({ name }) => name), range: lines.map(({ colour }) => colour) },
    legend: null,
  }
  const place = mark && last > first ? (mark.epoch - first) / (last - first) : 0.5
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title,
    ...size,
    layer: [
      {
        data: { values: mark ? [mark] : [] },
        mark: { type: 'rule', color: colours.highlight, strokeDash: [2, 3], opacity: 0.7 },
        encoding: { x },
      },
      {
        data: { values },
        mark: {
          type: 'line',
          strokeWidth: 2.5,
          ...(last - first < mostPoints && { point: { size: 36, filled: true } }),
        },
        encoding: { x, y, color },
      },
      {
        data: { values: mark ? [mark] : [] },
        mark: { type: 'point', size: 130, strokeWidth: 2, color: colours.highlight },
        encoding: { x, y },
      },
      {
        data: { values: mark ? [mark] : [] },
        mark: {
          type: 'text',
          y: -10,
          align: place > 0.8 ? 'right' : place < 0.2 ? 'left' : 'center',
          color: colours.highlight,
        },
        encoding: { x, text: { field: 'label' } },
      },
      {
        data: { values: ends.map(({ name }, i) => ({ name, height: heights[i] })) },
        mark: { type: 'text', x: size.width + 8, align: 'left', baseline: 'middle', limit: 0, fontSize: 13 },
        encoding: { y: { field: 'height', type: 'quantitative', scale: null }, text: { field: 'name' }, color },
      },
    ],
  }
}

/** @param bestEpoch is marked and labelled with its validation value */
function curves(
  history: readonly CurvePoint[],
  measure: Measure,
  bestEpoch: number | undefined,
  words: FigureWords,
): TopLevelSpec {
  const line = (part: 'train' | 'validation') =>
    history.flatMap(point => {
      const metrics = point[part]
      return metrics ? [{ epoch: point.epoch, value: shown(measure, metrics[measure]) }] : []
    })
  const validation = line('validation')
  const lines = [
    { name: words.training, colour: colours.training, points: line('train') },
    { name: words.validation, colour: colours.validation, points: validation },
  ]
  const title = measure === 'top1' ? words.accuracy : words.loss
  const best = validation.find(({ epoch }) => epoch === bestEpoch)
  if (!best) return lineFigure(title, measure, lines, words)
  const value = measure === 'top1' ? words.percent(best.value.toFixed(1)) : best.value.toFixed(3)
  return lineFigure(title, measure, lines, words, { ...best, label: words.bestEpoch(best.epoch, value) })
}

/** Top-1 accuracy of training and validation images over epochs, in per cent. */
export const accuracyCurves = (
  history: readonly CurvePoint[],
  bestEpoch?: number,
  words: FigureWords = en.figures,
): TopLevelSpec => curves(history, 'top1', bestEpoch, words)

/** Loss of training and validation images over epochs. */
export const lossCurves = (
  history: readonly CurvePoint[],
  bestEpoch?: number,
  words: FigureWords = en.figures,
): TopLevelSpec => curves(history, 'loss', bestEpoch, words)

function overlaid(
  runs: ReadonlyMap<string, readonly CurvePoint[]>,
  measure: Measure,
  words: FigureWords,
): TopLevelSpec {
  const lines = [...runs].map(([name, history], i) => ({
    name,
    colour: categories[i % categories.length] as string,
    points: history.flatMap(({ epoch, validation }) =>
      validation ? [{ epoch, value: shown(measure, validation[measure]) }] : [],
    ),
  }))
  return lineFigure(measure === 'top1' ? words.validationAccuracy : words.validationLoss, measure, lines, words)
}

/** Validation accuracy of several runs over epochs. */
export const overlaidAccuracy = (
  runs: ReadonlyMap<string, readonly CurvePoint[]>,
  words: FigureWords = en.figures,
): TopLevelSpec => overlaid(runs, 'top1', words)

/** Validation loss of several runs over epochs. */
export const overlaidLoss = (
  runs: ReadonlyMap<string, readonly CurvePoint[]>,
  words: FigureWords = en.figures,
): TopLevelSpec => overlaid(runs, 'loss', words)
