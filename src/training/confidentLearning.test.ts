/** Which labels are doubted, by an example small enough to follow. */
import { expect, it } from 'vitest'
import { doubtedLabels } from './confidentLearning.js'

const rows = (...given: number[][]) => given.map(row => Float64Array.from(row))

it('suggests a class that is as probable as among its own images, and ranks by the probability of the label', () => {
  // Thresholds are the means of each class's own images: (0.9 + 0.8 + 0.1 + 0.4) / 4 = 0.55 and (0.9 + 0.7 + 0.2) / 3 = 0.6
  const probabilities = rows([0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7], [0.8, 0.2])
  const labels = [0, 0, 0, 0, 1, 1, 1]
  expect(doubtedLabels(probabilities, labels, 2)).toEqual([
    { index: 2, suggested: 1, labelProbability: 0.1, suggestedProbability: 0.9, confident: true },
    { index: 6, suggested: 0, labelProbability: 0.2, suggestedProbability: 0.8, confident: true },
    { index: 3, suggested: 1, labelProbability: 0.4, suggestedProbability: 0.6, confident: true },
  ])
})

it('marks what is only uncertain: no class is as probable as it is among its own images', () => {
  const probabilities = rows([1, 0, 0], [0, 1, 0], [0, 0, 1], [0.3, 0.4, 0.3], [0.15, 0.85, 0], [1, 0, 0])
  const labels = [0, 1, 2, 0, 1, 1]
  const doubted = doubtedLabels(probabilities, labels, 3)
  expect(doubted.map(({ index, suggested, confident }) => [index, suggested, confident])).toEqual([
    [5, 0, true],
    [3, 1, false],
  ])
})

it('doubts nothing where there is one class, or every label is the most probable', () => {
  expect(doubtedLabels(rows([1], [1]), [0, 0], 1)).toEqual([])
  expect(doubtedLabels(rows([0.6, 0.4], [0.4, 0.6]), [0, 1], 2)).toEqual([])
})
