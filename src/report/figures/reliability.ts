/** The reliability diagram: whether a classifier is right as often as it says. */
import type { TopLevelSpec } from 'vega-lite'
import type { RunResult } from '../../training/index.js'
import { en } from '../locales/en.js'
import type { FigureWords } from '../locales/words.js'
import { colours } from './theme.js'

const side = 340

/** Bins of images by confidence, with the expected calibration error. */
export type Reliability = NonNullable<RunResult['calibration']>['before']

/**
 * Accuracy against confidence, bin by bin (Guo et al. 2017); circles grow with the images in a bin. A calibrated
 * classifier lies on the diagonal.
 * @param after with the probabilities' temperature adjusted
 */
export function reliabilityDiagram(
  { before, after }: { readonly before: Reliability; readonly after?: Reliability | undefined },
  words: FigureWords = en.figures,
): TopLevelSpec {
  const text = words.reliability
  const curves = [
    { name: text.before, colour: colours.highlight, bins: before.bins },
    ...(after ? [{ name: text.after, colour: colours.validation, bins: after.bins }] : []),
  ]
  const values = curves.flatMap(({ name, bins }) =>
    bins
      .filter(({ images }) => images > 0)
      .map(({ confidence, accuracy, images }) => ({
        name,
        confidence: 100 * confidence,
        accuracy: 100 * accuracy,
        images,
      })),
  )
  // Probabilities of the first class begin at one in the number of classes: what is empty is not shown
  const least = values.flatMap(({ confidence, accuracy }) => [confidence, accuracy])
  const low = Math.max(0, Math.min(80, 10 * Math.floor((Math.min(...least, 100) - 2) / 10)))
  const axis = { tickCount: 5 }
  const scale = { domain: [low, 100], nice: false }
  const x = { field: 'confidence', type: 'quantitative' as const, title: text.confidence, axis, scale }
  const y = { field: 'accuracy', type: 'quantitative' as const, title: words.accuracyAxis, axis, scale }
  const color = {
    field: 'name',
    type: 'nominal' as const,
    scale: { domain: curves.map(({ name }) => name), range: curves.map(({ colour }) => colour) },
    legend: { title: null, symbolType: 'circle' as const, symbolOpacity: 1 },
  }
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: text.title, subtitle: [...text.subtitle] },
    width: side,
    height: side,
    layer: [
      {
        data: {
          values: [
            { confidence: low, accuracy: low },
            { confidence: 100, accuracy: 100 },
          ],
        },
        mark: { type: 'line', color: '#9aa5b1', strokeDash: [4, 4] },
        encoding: { x, y },
      },
      {
        data: { values },
        mark: { type: 'circle', opacity: 0.75 },
        encoding: {
          x,
          y,
          color,
          size: { field: 'images', type: 'quantitative', scale: { type: 'sqrt', range: [24, 500] }, legend: null },
        },
      },
    ],
  }
}
