/** The confusion matrix: which classes are taken for which. */
import type { TopLevelSpec } from 'vega-lite'

/** Above this many classes their names would not be legible. */
const mostLabels = 45

/**
 * @param confusion [true class][predicted class] counts
 * @param classes names in the same order
 */
export function confusionMatrix(confusion: readonly (readonly number[])[], classes: readonly string[]): TopLevelSpec {
  const count = classes.length
  const labelled = count <= mostLabels
  const side = Math.max(240, Math.min(720, count * (labelled ? 22 : 7)))
  const values = confusion.flatMap((row, actual) => {
    const total = row.reduce((a, b) => a + b, 0)
    return row.map((images, predicted) => ({
      actual: classes[actual],
      predicted: classes[predicted],
      images,
      share: total ? (100 * images) / total : 0,
    }))
  })
  const axis = labelled
    ? { labelLimit: 140, domain: false, ticks: false }
    : { labels: false, ticks: false, domain: false }
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: 'Confusion matrix',
      subtitle: `test images, each row adds up to 100 %${labelled ? '' : `; ${count} classes in alphabetical order`}`,
    },
    width: side,
    height: side,
    data: { values },
    layer: [
      {
        mark: 'rect',
        encoding: {
          x: {
            field: 'predicted',
            type: 'nominal',
            sort: null,
            title: 'predicted class',
            axis: { ...axis, orient: 'top', labelAngle: -60 },
          },
          y: { field: 'actual', type: 'nominal', sort: null, title: 'true class', axis },
          color: {
            field: 'share',
            type: 'quantitative',
            scale: { domain: [0, 100], range: ['#f6f8fb', '#9cc3e6', '#0b66c3', '#08305c'] },
            legend: { orient: 'right', title: '% of the class', gradientLength: 140 },
          },
        },
      },
      ...(count <= 20
        ? [
            {
              transform: [{ filter: 'datum.images > 0' }],
              mark: { type: 'text' as const, fontSize: 11 },
              encoding: {
                x: { field: 'predicted', type: 'nominal' as const, sort: null },
                y: { field: 'actual', type: 'nominal' as const, sort: null },
                text: { field: 'images' },
                color: { condition: { test: 'datum.share > 45', value: '#ffffff' }, value: '#26323f' },
              },
            },
          ]
        : []),
    ],
  }
}
