/** The confusion matrix: which classes are taken for which. */
import type { TopLevelSpec } from 'vega-lite'
import { en } from '../locales/en.js'
import type { FigureWords } from '../locales/words.js'
import { mostConfused } from '../pictures/mistakes.js'

/** Above this many classes their names would not be legible. */
const mostLabels = 45
/** Above this many classes the counts would not be. */
const mostCounts = 20
/** Pairs that are told in words where the names of classes are left out. */
const namedPairs = 4
/** From light to the whole class; empty cells keep the ground, which is lighter still. */
const shades = ['#dbe8f5', '#9cc3e6', '#0b66c3', '#08305c']

/**
 * @param confusion [true class][predicted class] counts
 * @param classes names in the same order
 */
export function confusionMatrix(
  confusion: readonly (readonly number[])[],
  classes: readonly string[],
  words: FigureWords = en.figures,
): TopLevelSpec {
  const text = words.confusion
  const count = classes.length
  const labelled = count <= mostLabels
  const side = Math.max(240, Math.min(720, count * (count <= mostCounts ? 30 : labelled ? 22 : 7)))
  const values = confusion.flatMap((row, actual) => {
    const total = row.reduce((a, b) => a + b, 0)
    return row.flatMap((images, predicted) =>
      images > 0
        ? [{ actual: classes[actual], predicted: classes[predicted], images, share: (100 * images) / total }]
        : [],
    )
  })
  const mistakes = mostConfused(confusion, classes, namedPairs).map(pair =>
    text.pair(pair.trueClass, pair.predictedClass, pair.images),
  )
  const axis = { labels: labelled, labelLimit: 140, domain: false, ticks: false, labelPadding: 6 }
  const position = { type: 'nominal' as const, sort: null, scale: { domain: [...classes] } }
  const upright = count <= 4 && classes.every(name => name.length <= 10)
  const x = {
    ...position,
    field: 'predicted',
    title: text.predicted,
    axis: upright
      ? { ...axis, orient: 'top' as const, labelAngle: 0 }
      : { ...axis, orient: 'top' as const, labelAngle: -60, labelAlign: 'left' as const, labelOffset: -4 },
  }
  const y = { ...position, field: 'actual', title: text.actual, axis }
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: text.title,
      subtitle: [
        `${text.rows}${labelled ? '' : text.order(count)}`,
        // On two lines, since the longest line makes the figure as wide as it is.
        ...(!labelled && mistakes.length > 0 ? [text.most(mistakes.slice(0, 2)), mistakes.slice(2).join(', ')] : []),
      ],
    },
    width: side,
    height: side,
    data: { values },
    view: { fill: '#f6f8fb' },
    layer: [
      {
        mark: 'rect',
        encoding: {
          x,
          y,
          color: {
            field: 'share',
            type: 'quantitative',
            scale: { domain: [0, 100], range: shades },
            legend: { title: text.share, gradientLength: 140 },
          },
        },
      },
      ...(count <= mostCounts
        ? [
            {
              mark: 'text' as const,
              encoding: {
                x,
                y,
                text: { field: 'images' },
                color: { condition: { test: 'datum.share > 45', value: '#ffffff' }, value: '#26323f' },
              },
            },
          ]
        : []),
    ],
  }
}
