import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import { accuracyCurves, confusionMatrix, lossCurves, overlaidAccuracy, renderFigure, writeFigure } from './index.js'

const folder = await mkdtemp(join(tmpdir(), 'regraft-figures-'))
afterAll(() => rm(folder, { recursive: true }))

const history = [0.6, 0.8, 0.95, 0.9].map((top1, i) => ({
  epoch: i + 1,
  train: { loss: 1 - top1, top1: top1 - 0.1 },
  validation: { loss: 1.1 - top1, top1 },
}))

describe('curves', () => {
  it('show accuracy in per cent for training and validation, and mark the best epoch', async () => {
    const { svg } = await renderFigure(accuracyCurves(history, 3))
    for (const text of ['Accuracy', 'accuracy, %', 'epoch', 'training', 'validation', 'best epoch 3: 95.0 %'])
      expect(svg).toContain(text)
  })

  it('name every epoch where there are few', async () => {
    const { svg } = await renderFigure(accuracyCurves(history.slice(0, 3), 3))
    for (const epoch of [1, 2, 3]) expect(svg).toContain(`>${epoch}</text>`)
  })

  it('show the loss likewise', async () => {
    expect((await renderFigure(lossCurves(history, 3))).svg).toContain('best epoch 3: 0.150')
  })

  it('can be drawn from a single epoch, and without validation', async () => {
    const { svg } = await renderFigure(accuracyCurves([{ epoch: 1, train: { loss: 1, top1: 0.5 } }], 1))
    expect(svg).toContain('training')
    expect(svg).not.toContain('NaN')
  })

  it('name every run that is overlaid, in full', async () => {
    const { svg } = await renderFigure(
      overlaidAccuracy(
        new Map([
          ['a run with quite a long name, to be read in full', history],
          ['b', history],
        ]),
      ),
    )
    expect(svg).toContain('a run with quite a long name, to be read in full')
  })
})

describe('labels', () => {
  it('stand at the ends of their lines without touching one another', async () => {
    const close = new Map(['a', 'b', 'c'].map(name => [`run ${name}`, history]))
    const { svg } = await renderFigure(overlaidAccuracy(close))
    const heights = [...svg.matchAll(/translate\([\d.]+,([\d.]+)\)"[^>]*>run [abc]</g)].map(match => Number(match[1]))
    expect(heights).toHaveLength(3)
    const [first, second, third] = heights.sort((a, b) => a - b)
    expect(Math.min(second! - first!, third! - second!)).toBeGreaterThanOrEqual(12)
  })
})

describe('confusion matrix', () => {
  it('names classes and counts where they can be read', async () => {
    const { svg } = await renderFigure(
      confusionMatrix(
        [
          [7, 2],
          [0, 5],
        ],
        ['cat', 'dog'],
      ),
    )
    for (const text of ['cat', 'dog', '>7<', '>2<', '>5<', 'predicted class', 'true class']) expect(svg).toContain(text)
    // Once in the legend, but not in the empty cell.
    expect(svg.match(/>0</g)).toHaveLength(1)
  })

  it('leaves the names of a hundred classes out and says so', async () => {
    const names = Array.from({ length: 101 }, (_, i) => `class ${i}`)
    const { svg } = await renderFigure(
      confusionMatrix(
        names.map((_, i) => names.map((_, j) => (i === j ? 3 : 0))),
        names,
      ),
    )
    expect(svg).not.toContain('>class 57<')
    expect(svg).toContain('101 classes in alphabetical order')
  })

  it('tells in words what is confused most where the cells are too small for names', async () => {
    const names = Array.from({ length: 60 }, (_, i) => `class ${i}`)
    const counts = names.map((_, i) => names.map((_, j) => (i === j ? 9 : i === 7 && j === 12 ? 4 : 0)))
    const { svg } = await renderFigure(confusionMatrix(counts, names))
    expect(svg).toContain('most often taken for another: class 7 as class 12 (4)')
    // Empty cells are not drawn one by one.
    expect(svg.match(/aria-roledescription="rect"/g)?.length ?? 0).toBeLessThanOrEqual(61)
  })
})

describe('writeFigure', () => {
  it('writes an SVG and a PNG of twice its size, with something on it', async () => {
    const png = await writeFigure(folder, 'accuracy', accuracyCurves(history, 3))
    expect((await readdir(folder)).sort()).toEqual(['accuracy.png', 'accuracy.svg'])
    const { width } = await sharp(png).metadata()
    const svg = await sharp(join(folder, 'accuracy.svg')).metadata()
    expect(width).toBe(2 * svg.width)
    // The title stands in the upper left corner: fonts were found.
    const { channels } = await sharp(png).extract({ left: 30, top: 20, width: 240, height: 50 }).stats()
    expect(channels[0]?.stdev).toBeGreaterThan(10)
  })
})
