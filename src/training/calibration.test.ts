import { describe, expect, it } from 'vitest'
import { randomStream } from '../base/random.js'
import { chooseTemperature, fitTemperature, reliability, type Scored } from './calibration.js'
import { softmax } from './metrics.js'

/** Images whose class is drawn from the probabilities that their logits stand for: calibrated by construction. */
function calibrated(count: number): Scored[] {
  const random = randomStream(3)
  return Array.from({ length: count }, () => {
    const logits = Float32Array.from({ length: 4 }, () => 2 * random.normal())
    let rest = random.next()
    const label = softmax(logits).findIndex(p => {
      rest -= p
      return rest < 0
    })
    return { logits, label: Math.max(label, 0) }
  })
}

describe('calibration', () => {
  it('puts each image into the bin of its highest probability', () => {
    const image = (probability: number, right: boolean): Scored => ({
      logits: Float32Array.of(Math.log(probability), Math.log(1 - probability)),
      label: right ? 0 : 1,
    })
    const { ece, bins } = reliability([image(0.95, true), image(0.95, false), image(0.7, true)])
    expect(bins).toHaveLength(2)
    expect(bins[0]).toMatchObject({ accuracy: 1, images: 1 })
    expect(bins[1]).toMatchObject({ accuracy: 0.5, images: 2 })
    expect(bins[1]!.confidence).toBeCloseTo(0.95, 6)
    // (2 * |0.95 - 0.5| + 1 * |0.7 - 1|) / 3
    expect(ece).toBeCloseTo(0.4, 6)
  })

  it('finds the temperature of logits that are three times too sure, and undoes it', () => {
    const sure = calibrated(4000).map(({ logits, label }) => ({ logits: logits.map(z => 3 * z), label }))
    const temperature = fitTemperature(sure)
    expect(temperature).toBeGreaterThan(2.8)
    expect(temperature).toBeLessThan(3.2)
    expect(reliability(sure).ece).toBeGreaterThan(0.1)
    expect(reliability(sure, temperature).ece).toBeLessThan(0.03)
  })

  it('leaves calibrated logits nearly as they are', () => {
    expect(Math.abs(Math.log(fitTemperature(calibrated(4000))))).toBeLessThan(0.08)
  })

  it('uses a temperature that mends calibration', () => {
    const sure = calibrated(2000).map(({ logits, label }) => ({ logits: logits.map(z => 3 * z), label }))
    const chosen = chooseTemperature(sure.slice(0, 1000), sure.slice(1000))
    expect(chosen.temperature).toBeGreaterThan(2.5)
    expect(chosen.refused).toBeUndefined()
  })

  it('uses none where the fit comes to an end of its range, as where all validation images are right', () => {
    const right = Array.from({ length: 20 }, (_, i): Scored => ({ logits: Float32Array.of(1 + i, 0), label: 0 }))
    expect(chooseTemperature(right, calibrated(100))).toMatchObject({ temperature: 1, refused: { reason: 'bound' } })
    const wrong = right.map(({ logits }) => ({ logits, label: 1 }))
    const { temperature, refused } = chooseTemperature(wrong, calibrated(100))
    expect([temperature, refused?.reason]).toEqual([1, 'bound'])
    expect(refused?.fitted).toBeCloseTo(100, 6)
  })

  it('is chosen by validation images alone, also where the test images come out worse', () => {
    const test = calibrated(1000)
    const sure = calibrated(1000).map(({ logits, label }) => ({ logits: logits.map(z => 3 * z), label }))
    const chosen = chooseTemperature(sure, test)
    expect(chosen).toEqual({ temperature: fitTemperature(sure) })
    expect(reliability(test, chosen.temperature).ece).toBeGreaterThan(reliability(test).ece)
    expect(chooseTemperature(sure, [])).toEqual(chosen)
  })

  it('uses none that rests on single images: those held out are then worse with it', () => {
    // All right but one, and that one very wrong: without it the fit is as sure as can be
    const images = Array.from(
      { length: 20 },
      (_, i): Scored => ({ logits: Float32Array.of(4, 0), label: i < 19 ? 0 : 1 }),
    )
    const { temperature, refused } = chooseTemperature(images, calibrated(100))
    expect([temperature, refused?.reason]).toEqual([1, 'unproven'])
    expect(refused!.fitted).toBeCloseTo(4 / Math.log(19), 3)
    expect(refused!.ece).toBe(reliability(calibrated(100), refused!.fitted).ece)
  })
})
