/** The confusion matrix: which classes are taken for which. */
import type { TopLevelSpec } from 'vega-lite'

/** Above this many classes their names would not be legible. */
const mostLabels = 45
/** Above this many classes the counts would not be. */
const mostCounts = 20
/** From light to the whole class; empty cells keep the ground, which is lighter still. */
const shades = ['#dbe8f5', '#9cc3e6', '#0b66c3', '#08305c']

/** The most frequent confusions, as text: 'lotus as water_lilly (4)'. */
function worst(confusion: readonly (readonly number[])[], classes: readonly string[]): string {
  const pairs = confusion.flatMap((row, actual) =>
    row.flatMap((images, predicted) => (images > 0 && predicted !== actual ? [{ actual, predicted, images }] : [])),
  )
  return pairs
    .sort((a, b) => b.images - a.images)
    .slice(0, 4)
    .map(({ actual, predicted, images }) => `${classes[actual]} as ${classes[predicted]} (${images})`)
    .join(', ')
}

/**
 * @param confusion [true class][predicted class] counts
 * @param classes names in the same order
 */
export function confusionMatrix(confusion: readonly (readonly number[])[], classes: readonly string[]): TopLevelSpec {
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
  const mistakes = worst(confusion, classes)
  const axis = { labels: labelled, labelLimit: 140, domain: false, ticks: false, labelPadding: 6 }
  const position = { type: 'nominal' as const, sort: null, scale: { domain: [...classes] } }
  const upright = count <= 4 && classes.every(name => name.length <= 10)
  const x = {
    ...position,
    field: 'predicted',
    title: 'predicted class',
    axis: upright
      ? { ...axis, orient: 'top' as const, labelAngle: 0 }
      : { ...axis, orient: 'top' as const, labelAngle: -60, labelAlign: 'left' as const, labelOffset: -4 },
  }
  const y = { ...position, field: 'actual', title: 'true class', axis }
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: 'Confusion matrix',
      subtitle: [
        `test images, each row adds up to 100 %${labelled ? '' : `; ${count} classes in alphabetical order`}`,
        ...(!labelled && mistakes ? [`most often taken for another: ${mistakes}`] : []),
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
            legend: { title: '% of the class', gradientLength: 140 },
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
