import { describe, expect, it } from 'vitest'
import { type EpochEvent, epochLine } from './epochLine.js'
import { columns } from './terminal/width.js'

const metrics = { images: 600, loss: 0.3441, top1: 0.906, top5: 1, meanPerClass: 0.9 }
const event: EpochEvent = {
  record: {
    epoch: 3,
    lrBackbone: 1e-3,
    lrHead: 1e-2,
    seconds: 12,
    imagesPerSecond: 61.2,
    train: metrics,
    validation: { ...metrics, loss: 0.4123, top1: 0.952 },
  },
  epochs: 30,
  best: true,
  remaining: 185,
}

describe('the line of an epoch', () => {
  it('says everything where there is room', () => {
    expect(epochLine(event, true, Number.POSITIVE_INFINITY)).toBe(
      'epoch  3/30  training loss 0.344, accuracy 90.6 %  validation loss 0.412, accuracy 95.2 % (best so far)  61 images/s, 3 min 05 s left',
    )
  })

  it('is one line in 80 and in 40 columns', () => {
    expect(epochLine(event, true, 80)).toBe('epoch  3/30  train 0.344 90.6 %  val 0.412 95.2 % *  3 min 05 s left')
    expect(epochLine(event, true, 40)).toBe(' 3/30  val 95.2 % *  3 min 05 s left')
    for (const width of [40, 60, 80, 100, 132])
      expect(columns(epochLine(event, true, width))).toBeLessThanOrEqual(width)
  })

  it('tells no speed of images that are features in memory, and no time that rounds to nothing', () => {
    const line = epochLine({ ...event, remaining: 0.2 }, false, Number.POSITIVE_INFINITY)
    expect(line).not.toMatch(/images\/s|left/)
  })
})
