/** Every engine against PyTorch's reference values. */
import { afterAll, describe, expect, it } from 'vitest'
import { forInference, type Graph, gradientStep, inferenceGraph } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import type { Program } from './engine.js'
import {
  golden,
  goldenImages,
  goldenTensors,
  gradientError,
  oneHot,
  type Parity,
  readGolden,
  sumAndNorm,
  type Trajectory,
  trajectoryLosses,
  writeGolden,
} from './golden.testing.js'
import { engines } from './index.js'
import { slow, support } from './webgpu/here.testing.js'
import { webgpuEngine } from './webgpu/index.js'

const tested = [...engines, ...(support.ok ? [webgpuEngine] : [])]

/** Largest difference relative to the largest expected magnitude. */
function relativeError(actual: Float32Array, expected: readonly number[]): number {
  const largest = Math.max(...expected.map(Math.abs))
  return Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!))) / largest
}

describe.skipIf(golden)('golden values', () => {
  it.skip('skipped: needs ../shared/golden', () => {})
})

describe.skipIf(!golden).each(tested.map(engine => [engine.name, engine] as const))('%s', (_, engine) => {
  const programs: Program[] = []
  afterAll(() => Promise.all(programs.map(program => program.dispose())))
  const compile = async (graph: Graph) => {
    const program = await engine.compile(graph)
    programs.push(program)
    await writeGolden(program, graph)
    return program
  }

  // On a GPU that the CPU plays the larger cases take many minutes: npm run test:webgpu
  const quick = engine !== webgpuEngine || !slow
  const steps = Object.entries(readGolden<Parity>('parity.json')).filter(([, { arch }]) => quick || arch === 'resnet18')
  describe.each(steps)('parity with PyTorch, %s', (_, expected) => {
    const forward = networkGraph(networkNamed(expected.arch), { ...expected })
    const images = goldenImages(expected.arch, expected.batch, expected.size)

    it('a training step: loss, logits, every gradient, running statistics', async () => {
      const { graph, gradients } = gradientStep(forward)
      const program = await compile(graph)
      const outputs = await program.run({ images, targets: oneHot(expected.labels, expected.classes) })
      expect(Math.abs(outputs.loss![0]! / expected.loss - 1)).toBeLessThan(1e-5)
      expect(relativeError(outputs.fc!, expected.logits_train_mode.flat())).toBeLessThan(1e-4)
      expect([...gradients.keys()].sort()).toEqual(Object.keys(expected.gradients).sort())
      // An activation whose true value lies within a rounding error of zero passes its gradient or not by chance, and
      // changes every gradient before it. PyTorch's float32 run has such places too, but others: so the bound is three
      // times its worst error in this network, which without them (ResNet-18) is its ordinary rounding.
      const worst = Math.max(
        ...Object.values(expected.gradients).map(reference => reference.pytorch_float32_relative_error),
      )
      const excess = [...gradients].map(([parameter, gradient]) => {
        const reference = expected.gradients[parameter]!
        const error = gradientError(parameter, outputs[gradient]!, reference) / reference.norm
        return { parameter, error, ratio: error / (3 * worst + 1e-4) }
      })
      expect(excess.filter(({ ratio }) => !(ratio <= 1))).toEqual([])
      for (const [name, { sum, norm }] of Object.entries(expected.running_statistics_after_one_step)) {
        const actual = sumAndNorm(await program.read(name))
        expect(Math.abs(actual.norm - norm) / norm, name).toBeLessThan(1e-5)
        expect(Math.abs(actual.sum - sum) / norm, name).toBeLessThan(1e-4)
      }
    })

    it('inference', async () => {
      const program = await compile(forInference(forward))
      const { fc } = await program.run({ images })
      expect(relativeError(fc!, expected.logits_eval_mode.flat())).toBeLessThan(1e-4)
    })

    it('inference as it is served: batch norms, activations and residuals in the convolutions', async () => {
      const weights = goldenTensors(forward)
      const folded = inferenceGraph(forward)
      const program = await engine.compile(folded.graph)
      programs.push(program)
      const parameters = folded.parameters(name => weights.get(name) as Float32Array)
      for (const [name, data] of parameters) await program.write(name, data)
      const { fc } = await program.run({ images })
      expect(relativeError(fc!, expected.logits_eval_mode.flat())).toBeLessThan(1e-4)
    })
  })

  it.runIf(quick).each(Object.entries(readGolden<Trajectory>('trajectory.json')))(
    'twelve steps of SGD: %s',
    async (_, expected) => {
      const losses = await trajectoryLosses(engine, expected)
      for (const [step, loss] of expected.losses.float64.entries())
        expect(Math.abs(losses[step]! / loss - 1), `step ${step}`).toBeLessThan(1e-3)
    },
  )
})
