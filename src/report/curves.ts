/** Curves of accuracy and loss over epochs, for training and validation. */
import type { TopLevelSpec } from 'vega-lite'
import { colours } from './theme.js'

/** One epoch; accuracies are fractions, epochs count from 1. */
export interface CurvePoint {
  readonly epoch: number
  readonly train: { readonly loss: number; readonly top1: number }
  readonly validation?: { readonly loss: number; readonly top1: number } | undefined
}

type Axis = { field: string; type: 'quantitative'; title: string; scale: object; axis?: object }
type Measure = 'loss' | 'top1'

/** @param bestEpoch is marked and labelled with its validation value */
function curves(history: readonly CurvePoint[], measure: Measure, bestEpoch: number | undefined): TopLevelSpec {
  const percent = measure === 'top1'
  const scaled = (value: number) => (percent ? 100 * value : value)
  const values = history.flatMap(({ epoch, train, validation }) => [
    { epoch, part: 'training', value: scaled(train[measure]) },
    ...(validation ? [{ epoch, part: 'validation', value: scaled(validation[measure]) }] : []),
  ])
  const last = history.at(-1)?.epoch ?? 1
  const best = history.find(({ epoch }) => epoch === bestEpoch)?.validation
  const label =
    best && `best epoch ${bestEpoch}: ${percent ? `${scaled(best.top1).toFixed(1)} %` : best.loss.toFixed(3)}`
  const marker = best ? [{ epoch: bestEpoch, value: scaled(best[measure]), label }] : []
  const late = (bestEpoch ?? 0) > last / 2
  const x = {
    field: 'epoch',
    type: 'quantitative' as const,
    title: 'epoch',
    scale: { domain: [Math.min(1, last - 1), Math.max(last, 2)], nice: false },
    axis: { tickMinStep: 1, format: 'd', grid: false },
  } satisfies Axis
  const y = {
    field: 'value',
    type: 'quantitative' as const,
    title: percent ? 'accuracy, %' : 'loss (cross-entropy)',
    scale: { zero: !percent, nice: true },
  } satisfies Axis
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: percent ? 'Accuracy' : 'Loss',
    width: 560,
    height: 320,
    layer: [
      {
        data: { values },
        mark: {
          type: 'line',
          strokeWidth: 2.5,
          point: { size: history.length > 40 ? 0 : 36, filled: true },
          clip: true,
        },
        encoding: {
          x,
          y,
          color: {
            field: 'part',
            type: 'nominal',
            scale: { domain: ['training', 'validation'], range: [colours.training, colours.validation] },
          },
        },
      },
      {
        data: { values: marker },
        mark: { type: 'point', size: 130, strokeWidth: 2, color: colours.highlight },
        encoding: { x, y },
      },
      {
        data: { values: marker },
        mark: {
          type: 'text',
          align: late ? 'right' : 'left',
          dx: late ? -10 : 10,
          dy: percent ? 22 : -20,
          fontSize: 12,
          color: colours.highlight,
        },
        encoding: { x, y, text: { field: 'label' } },
      },
    ],
  }
}

/** Top-1 accuracy of training and validation images over epochs, in per cent. */
export const accuracyCurves = (history: readonly CurvePoint[], bestEpoch?: number): TopLevelSpec =>
  curves(history, 'top1', bestEpoch)

/** Loss of training and validation images over epochs. */
export const lossCurves = (history: readonly CurvePoint[], bestEpoch?: number): TopLevelSpec =>
  curves(history, 'loss', bestEpoch)

/** Validation accuracy of several runs over epochs. */
export function overlaidAccuracy(runs: ReadonlyMap<string, readonly CurvePoint[]>): TopLevelSpec {
  const values = [...runs].flatMap(([run, history]) =>
    history.flatMap(({ epoch, validation }) => (validation ? [{ run, epoch, value: 100 * validation.top1 }] : [])),
  )
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: 'Validation accuracy',
    width: 560,
    height: 320,
    data: { values },
    mark: { type: 'line', strokeWidth: 2.5, point: { size: 36, filled: true } },
    encoding: {
      x: { field: 'epoch', type: 'quantitative', axis: { tickMinStep: 1, format: 'd', grid: false } },
      y: { field: 'value', type: 'quantitative', title: 'accuracy, %', scale: { zero: false } },
      color: { field: 'run', type: 'nominal', sort: null },
    },
  }
}
