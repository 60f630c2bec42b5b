import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { GraphBuilder, gradientStep } from '../../graph/index.js'
import { networkGraph, networkNamed } from '../../models/index.js'
import { lacksBfloat16 } from './bfloat16.js'
import { around, computed, errorsOf } from './convolutions.testing.js'
import { nativeAddon } from './native.js'
import { planOf } from './plan.js'
import type { Plan } from './planned.js'

const marked = ({ operations }: Plan) => operations.filter(({ numbers }) => numbers.tiles).map(one => one.kernel)

describe('products of tiles', () => {
  it.each([
    ['resnet50', 53],
    ['mobilenet_v2', 35],
    ['efficientnet_lite0', 33],
  ])('are the dense convolutions of %s, and their gradients, in bfloat16', (network, count) => {
    const { graph } = gradientStep(networkGraph(networkNamed(network), { classes: 7, batch: 8, size: 224 }))
    const kernels = marked(planOf(graph, 2, undefined, 'bfloat16', true))
    for (const kernel of ['conv2d', 'conv2dWeightGradient'])
      expect(kernels.filter(one => one === kernel)).toHaveLength(count)
    // Nobody asks for the gradients of pictures.
    expect(kernels.filter(one => one === 'conv2dInputGradient')).toHaveLength(count - 1)
    expect(marked(planOf(graph, 2, undefined, 'float32', true))).toEqual([])
    expect(marked(planOf(graph, 2, undefined, 'bfloat16', false))).toEqual([])
  })
})

/** Images, weights and results are rounded to 8 bits of mantissa: forward once, in gradients once more on each way. */
const bounds = { forward: 0.01, gradients: 0.02 } as const

const addon = nativeAddon()
const why = typeof addon === 'string' ? addon : (lacksBfloat16() ?? addon.lacksTiles)
if (typeof addon === 'string' || addon.tiles === '')
  describe('the kernels for them', () => it.skip(`skipped: needs the native engine with tiles (${why})`, () => {}))
else
  describe(`the kernels for them (${addon.tiles})`, () => {
    it.each([
      ['one tap', [4, 32, 64, 15, 16], 1, [0, 0, 0, 0], [1, 1], 2],
      ['one tap, channels in no whole blocks', [2, 21, 75, 5, 11], 1, [0, 0, 0, 0], [1, 1], 2],
      ['one tap that leaves out every second pixel', [2, 48, 40, 9, 12], 1, [0, 0, 0, 0], [2, 2], 2],
      ['three taps', [2, 32, 64, 16, 16], 3, [1, 1, 1, 1], [1, 1], 2],
      ['three taps, an odd number of blocks, one thread', [2, 33, 48, 23, 27], 3, [1, 1, 1, 1], [1, 1], 1],
      ['three taps, every second pixel', [2, 40, 71, 17, 14], 3, [1, 1, 1, 1], [2, 2], 2],
      ['three taps, padding as TensorFlow has it', [2, 32, 32, 16, 18], 3, [0, 0, 1, 1], [2, 2], 2],
      ['five taps, padding on some sides', [1, 36, 32, 12, 13], 5, [0, 1, 2, 2], [1, 1], 2],
      ['no padding, strides that differ', [3, 16, 32, 13, 14], 3, [0, 0, 0, 0], [2, 3], 2],
      ['small planes, more threads than images', [2, 64, 64, 7, 7], 3, [1, 1, 1, 1], [1, 1], 3],
      ['pictures', [3, 3, 40, 23, 29], 7, [3, 3, 3, 3], [2, 2], 2],
      ['single pixels', [6, 48, 17, 1, 1], 1, [0, 0, 0, 0], [1, 1], 2],
    ] as const)('give what the reference gives: %s', async (_, sides, taps, padding, stride, threads) => {
      for (const { graph, kernels } of around(sides, taps, padding, stride)) {
        const reference = computed(graph)
        for (const cache of [2 ** 12, 2 ** 30]) {
          const plan = planOf(graph, threads, cache, 'bfloat16')
          expect(new Set(marked(plan))).toEqual(new Set(kernels))
          for (const { name, error } of await errorsOf(graph, plan, reference))
            expect(error, name).toBeLessThan(kernels.length > 1 ? bounds.gradients : bounds.forward)
        }
      }
    })

    it.each([
      ['three taps', [2, 40, 13, 18], 3, [1, 1, 1, 1], 1, 'relu6'],
      ['five taps, every second pixel, padding as TensorFlow has it', [3, 24, 16, 14], 5, [1, 1, 2, 2], 2, 'relu6'],
      ['planes that are worked on in bands of rows', [1, 16, 150, 90], 3, [1, 1, 1, 1], 1, 'relu'],
      ['no activation, no padding', [2, 16, 7, 7], 5, [0, 0, 0, 0], 1, 'none'],
    ] as const)('stand beside own depthwise convolutions where a network is served: %s', async (...given) => {
      const [, [batch, channels, height, width], taps, padding, step, activation] = given
      const builder = new GraphBuilder('served')
      const x = builder.declare('x', 'input', [batch, channels, height, width])
      const weight = builder.declare('weight', 'parameter', [channels, 1, taps, taps])
      const bias = builder.declare('bias', 'parameter', [channels])
      const stride = [step, step] as const
      const y = builder.one('conv2d', 'y', [x, weight, bias], { stride, padding, groups: channels, activation })
      const graph = builder.build([y])
      const plan = planOf(graph, 2, undefined, 'bfloat16')
      const program = new addon.Program(plan)
      await program.compile()
      expect(program.implementations()[plan.operations.findIndex(({ kernel }) => kernel === 'conv2d')]).toBe('')
      program.dispose()
      for (const { name, error } of await errorsOf(graph, plan, computed(graph)))
        expect(error, name).toBeLessThan(bounds.forward)
    })

    it.runIf(addon.tiles === 'amx')('give the same sums in plain C++', async () => {
      // A process looks for tiles once.
      const test = [
        'node_modules/vitest/vitest.mjs',
        'run',
        'dist/engines/onednn/tiles.test.js',
        '-t',
        'reference gives',
      ]
      const env = { ...process.env, REGRAFT_TILES: 'portable', NO_COLOR: '1' }
      const { stdout } = await promisify(execFile)(process.execPath, test, { env })
      expect(stdout).toMatch(/Tests +12 passed/)
    })
  })
