import { describe, expect, it } from 'vitest'
import { count, newCounts, perClass, summarise, wilsonInterval } from './metrics.js'

/** Logits whose largest value is at the given class. */
const rows = (...predicted: number[]) =>
  Float32Array.from(predicted.flatMap(c => [0, 1, 2, 3, 4, 5].map(i => (i === c ? 4 : -i))))

describe('metrics', () => {
  it('counts top-1, top-5 and the mean over classes', () => {
    const counts = newCounts(6)
    count(counts, rows(0, 0, 0, 1), [0, 0, 0, 5])
    const { images, top1, top5, meanPerClass } = summarise(counts)
    // Class 5 has the lowest logit of all six, so it is not among the first five.
    expect({ images, top1, top5, meanPerClass }).toEqual({ images: 4, top1: 0.75, top5: 0.75, meanPerClass: 0.5 })
  })

  it('has the loss of softmax cross-entropy', () => {
    const counts = newCounts(2)
    count(counts, Float32Array.of(1, 1, Math.log(3), 0), [0, 1])
    expect(summarise(counts).loss).toBeCloseTo((Math.log(2) + Math.log(4)) / 2, 6)
  })

  it('ignores rows that pad a batch', () => {
    const counts = newCounts(6)
    count(counts, rows(1, 1, 1), [1])
    expect(counts.images).toBe(1)
  })

  it('counts the same in two sittings as in one', () => {
    const whole = newCounts(6)
    count(whole, rows(0, 1, 2, 3), [0, 1, 1, 1])
    const first = newCounts(6)
    count(first, rows(0, 1), [0, 1])
    const second: typeof first = JSON.parse(JSON.stringify(first))
    count(second, rows(2, 3), [1, 1])
    expect(second).toEqual(whole)
    expect(perClass(second)[1]).toEqual({ images: 3, top1: 1 / 3 })
  })

  it('does not count a NaN as right', () => {
    const counts = newCounts(2)
    count(counts, Float32Array.of(Number.NaN, 1), [0])
    expect(counts.top1).toBe(0)
  })
})

describe('wilsonInterval', () => {
  it('gives the reference experiment’s interval: 97.2 % of about 870 images lies between 95.9 and 98.1', () => {
    const [low, high] = wilsonInterval(0.972, 870)
    expect(low).toBeCloseTo(0.959, 3)
    expect(high).toBeCloseTo(0.981, 3)
  })

  it('stays inside 0 and 1', () => {
    expect(wilsonInterval(1, 10)[1]).toBeLessThanOrEqual(1)
    expect(wilsonInterval(0, 10)[0]).toBeCloseTo(0, 10)
    expect(wilsonInterval(0, 0)).toEqual([0, 1])
  })
})
