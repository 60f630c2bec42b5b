import { describe, expect, it } from 'vitest'
import { checkOptions } from '../../training/index.js'
import { lrFinderFigure, renderFigure } from '../index.js'
import { zh } from '../locales/zh.js'
import { settingsStem } from '../runFigures.js'
import { comparisonFigure } from './comparison.js'
import { rateText } from './lrFinder.js'
import { reliabilityDiagram } from './reliability.js'

describe('the reliability diagram', () => {
  const bin = (confidence: number, accuracy: number, images: number) => ({ confidence, accuracy, images })
  const before = { ece: 0.1, bins: [bin(0.3, 0.5, 10), bin(0.9, 0.95, 90), bin(0, 0, 0)] }

  it('has a circle for each bin that holds images, before and after the temperature', async () => {
    const { svg } = await renderFigure(reliabilityDiagram({ before, after: before }))
    expect(svg.match(/aria-roledescription="circle"/g)).toHaveLength(4)
    for (const text of ['as trained', 'with temperature', 'confidence, %']) expect(svg).toContain(text)
  })

  it('is no wider than what is drawn, and shows no range in which there is nothing', async () => {
    const sure = { ece: 0.1, bins: [bin(0.72, 0.8, 10), bin(0.9, 0.95, 90)] }
    const { svg } = await renderFigure(reliabilityDiagram({ before: sure, after: sure }))
    expect(Number(/<svg[^>]* width="(\d+)"/.exec(svg)![1])).toBeLessThan(620)
    expect(svg).toContain('>70<')
    expect(svg).not.toContain('>20<')
  })

  it('does without a temperature', async () => {
    const { svg } = await renderFigure(reliabilityDiagram({ before }))
    expect(svg).not.toContain('with temperature')
  })
})

describe('the figure of a learning-rate finder', () => {
  const rates = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]

  it('marks the suggestion on a logarithmic axis', async () => {
    const losses = [4.6, 4.5, 3, 2, 2.5, Number.NaN]
    const { svg } = await renderFigure(lrFinderFigure({ rates, losses, suggestion: 1e-3, part: 'head' }))
    for (const text of ['suggested: 1e-3', '>head<', '1e-5', '1e-4', '1e-1']) expect(svg).toContain(text)
    expect(svg).not.toContain('NaN')
    // Half way from 1e-5 to 1e-1, where the losses end.
    expect(svg).toMatch(/transform="translate\(280,[^>]*>suggested/)
  })

  it('does not let a loss that exploded flatten the rest', async () => {
    const { svg } = await renderFigure(lrFinderFigure({ rates, losses: [4.6, 4.5, 3, 2, 2.5, 9000] }))
    expect(svg).not.toMatch(/>\d,?\d{3}</)
    expect(svg).not.toContain('suggested')
  })

  it('can be drawn where nothing was measured', async () => {
    const { svg } = await renderFigure(lrFinderFigure({ rates: [], losses: [] }))
    expect(svg).toContain('learning rate')
  })
})

describe('the comparison of values', () => {
  const rows = [
    { label: '1e-3', mean: 0.9, interval: [0.88, 0.92] as const, reference: 0.95 },
    { label: '1e-2', reference: 0.97 },
  ]

  it('shows the mean of each value with its interval, and the reference beside it', async () => {
    const { svg } = await renderFigure(comparisonFigure('Head learning rate', rows))
    for (const text of ['Test accuracy by head learning rate', '>1e-3<', '>1e-2<', 'this study', 'reference'])
      expect(svg).toContain(text)
    expect(svg.match(/aria-roledescription="point"/g)).toHaveLength(3)
    expect(svg.match(/aria-roledescription="rule mark"/g)).toHaveLength(1)
  })

  it('speaks other languages', async () => {
    const { svg } = await renderFigure(comparisonFigure('批大小', rows, zh.figures))
    expect(svg).toContain('测试准确率与批大小')
  })
})

describe('names of figures', () => {
  it('tell epochs, batch size and rates as the reference experiment does', () => {
    const stem = (lrHead: number, lrBackbone: number) => settingsStem(checkOptions({ lrHead, lrBackbone }))
    expect(stem(1e-3, 1e-2)).toBe('ep30_bs32_lrh1e-3_lrb1e-2')
    expect(stem(0.0025, 0)).toBe('ep30_bs32_lrh2.5e-3_lrb0')
  })

  it('and rates are written with three digits at most', () => {
    expect([0.1 + 0.2, 1, 12, 0.000123456].map(rateText)).toEqual(['3e-1', '1', '1.2e1', '1.23e-4'])
  })
})
