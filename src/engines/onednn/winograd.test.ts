import { describe, expect, it } from 'vitest'
import { gradientStep } from '../../graph/index.js'
import { networkGraph, networkNamed } from '../../models/index.js'
import { around, computed, errorsOf } from './convolutions.testing.js'
import { computesBfloat16 } from './index.js'
import { nativeAddon } from './native.js'
import { planOf } from './plan.js'
import type { Plan } from './planned.js'
import { transformedBytes, winogradPays } from './winograd.js'

const marked = ({ operations }: Plan) => operations.filter(({ numbers }) => numbers.winograd).map(one => one.kernel)

describe("Winograd's method", () => {
  it('is for dense convolutions of 3 x 3 taps at stride 1', () => {
    expect(winogradPays([64, 64, 3, 3], [16, 64, 56, 56], [1, 1])).toBe(true)
    expect(winogradPays([64, 64, 3, 3], [16, 64, 56, 56], [2, 2])).toBe(false)
    expect(winogradPays([64, 64, 1, 1], [16, 64, 56, 56], [1, 1])).toBe(false)
    expect(winogradPays([64, 64, 5, 5], [16, 64, 56, 56], [1, 1])).toBe(false)
    expect(winogradPays([64, 3, 3, 3], [16, 64, 56, 56], [1, 1])).toBe(false)
  })

  it('needs so many outputs that transforming the weights pays, and tiles that are not mostly outside', () => {
    expect(winogradPays([512, 512, 3, 3], [16, 512, 7, 7], [1, 1])).toBe(true)
    expect(winogradPays([512, 512, 3, 3], [1, 512, 7, 7], [1, 1])).toBe(false)
    expect(winogradPays([512, 512, 3, 3], [1000, 512, 2, 2], [1, 1])).toBe(false)
  })

  it('pays less beside direct sums in bfloat16, since its own are in float32', () => {
    expect(winogradPays([64, 64, 3, 3], [16, 64, 56, 56], [1, 1], 'bfloat16')).toBe(true)
    expect(winogradPays([512, 512, 3, 3], [16, 512, 7, 7], [1, 1], 'bfloat16')).toBe(false)
  })

  it.each([
    ['float32', 13],
    ['bfloat16', 11],
  ] as const)('computes convolutions of ResNet-50 in %s: %i, and their gradients', (precision, count) => {
    const forward = networkGraph(networkNamed('resnet50'), { classes: 7, batch: 8, size: 224 })
    const kernels = marked(planOf(gradientStep(forward).graph, 2, undefined, precision, false))
    for (const kernel of ['conv2d', 'conv2dInputGradient', 'conv2dWeightGradient'])
      expect(kernels.filter(one => one === kernel)).toHaveLength(count)
  })

  it('needs four times the memory of the weights', () => {
    const plan = planOf(networkGraph(networkNamed('resnet50'), { classes: 7, batch: 8, size: 224 }), 2)
    const filters = 9 * (3 * 64 ** 2 + 3 * 128 ** 2 + 5 * 256 ** 2 + 2 * 512 ** 2)
    expect(transformedBytes(plan)).toBe(4 * 4 * filters)
  })
})

const addon = nativeAddon()
if (typeof addon === 'string')
  describe('convolutions by it', () => it.skip(`skipped: needs the native engine (${addon})`, () => {}))
else
  describe('convolutions by it', () => {
    /** Bounds forward and backward: of bfloat16, a few of its roundings (2^-9), as images are stored in it. */
    const precisions = [
      ['float32', 2e-6, 2e-5],
      ...(computesBfloat16() ? [['bfloat16', 0.01, 0.02] as const] : []),
    ] as const
    it.each([
      ['channels in whole blocks', [2, 32, 64, 16, 16], [1, 1, 1, 1], 2],
      ['one image of odd size, channels in no whole blocks', [1, 40, 71, 37, 39], [1, 1, 1, 1], 2],
      ['an odd number of blocks, one thread', [2, 33, 48, 23, 27], [1, 1, 1, 1], 1],
      ['no padding', [2, 32, 32, 26, 22], [0, 0, 0, 0], 2],
      ['padding on some sides, more threads than images', [2, 36, 32, 22, 25], [0, 1, 2, 2], 3],
    ] as const)('give what the reference gives: %s', async (_, sides, padding, threads) => {
      for (const { graph, kernels } of around(sides, 3, padding)) {
        const reference = computed(graph)
        for (const [precision, ...bounds] of precisions)
          for (const cache of [2 ** 12, 2 ** 30]) {
            const plan = planOf(graph, threads, cache, precision, false)
            expect(marked(plan).sort()).toEqual(kernels)
            for (const { name, error } of await errorsOf(graph, plan, reference))
              expect(error, `${name} in ${precision}`).toBeLessThan(bounds[kernels.length > 1 ? 1 : 0])
          }
      }
    })
  })
