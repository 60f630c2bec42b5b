import { describe, expect, it } from 'vitest'
import { nextTrial, rungsOf, type TrialProgress } from './halving.js'

const options = { reduction: 3, minEpochs: 1, epochs: 9 }

describe('asynchronous successive halving', () => {
  it('compares trials after 1, 3 and 9 epochs', () => {
    expect(rungsOf(options)).toEqual([1, 3, 9])
    expect(rungsOf({ reduction: 2, minEpochs: 4, epochs: 10 })).toEqual([4, 8, 10])
  })

  it('gives nine trials one epoch, the three best three, and the best of them nine', () => {
    // Trial 4 is the best all along; 7 and 1 follow.
    const quality = [0.3, 0.7, 0.2, 0.5, 0.9, 0.4, 0.1, 0.8, 0.6]
    const trials: TrialProgress[] = quality.map(() => ({ epochs: 0, best: [], failed: false }))
    for (let next = nextTrial(trials, options); next; next = nextTrial(trials, options))
      trials[next.trial] = {
        epochs: next.until,
        best: Array.from({ length: next.until }, (_, epoch) => quality[next!.trial]! * (1 - 0.1 / (epoch + 1))),
        failed: false,
      }
    // Asynchronous: a trial may go on while better ones have not begun; the best still goes all the way.
    expect(trials[4]?.epochs).toBe(9)
    expect(trials.every(({ epochs }) => epochs >= 1)).toBe(true)
    expect(trials.filter(({ epochs }) => epochs >= 3).length).toBeLessThanOrEqual(5)
    expect(trials[6]?.epochs).toBe(1)
    expect(trials[2]?.epochs).toBe(1)
  })

  it('does not wait for, or promote, a trial that failed', () => {
    const done = (epochs: number, score: number, failed = false) => ({
      epochs,
      best: new Array(epochs).fill(score),
      failed,
    })
    const trials = [done(1, 0.9, true), done(1, 0.5), done(1, 0.4), done(0, 0, true)]
    expect(nextTrial(trials, options)).toBeUndefined()
  })
})
