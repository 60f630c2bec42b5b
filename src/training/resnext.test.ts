/** ResNeXt against PyTorch's own modules: logits, and on every engine the loss and the gradients of its grouped convolutions. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { temporaryFolder } from '../base/folder.testing.js'
import { pythonWith } from '../base/python.testing.js'
import { goldenImages, oneHot, writeGolden } from '../engines/golden.testing.js'
import { engines, type Program } from '../engines/index.js'
import { forInference, type Graph, gradientStep } from '../graph/index.js'
import { networkGraph, networkNamed, stateShapes } from '../models/index.js'
import { readWeights, writePyTorch } from '../weights/index.js'

const at = temporaryFolder()
const network = 'resnext50_32x4d'
const [classes, batch, size] = [3, 2, 64]
const graph = networkGraph(networkNamed(network), { classes, batch, size })
const images = goldenImages(network, batch, size)
const python = pythonWith('torch')
const available = engines.filter(engine => engine.supports(graph, 'float32').ok)

const said = z.object({
  loss: z.number(),
  training: z.array(z.number()),
  evaluation: z.array(z.number()),
  worst: z.number(),
})

/** The norm of the difference, of the norm of what is expected. */
function differenceOf(actual: Float32Array, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length)
  const [wrong, all] = actual.reduce(([a, b], value, i) => [a + (value - expected[i]!) ** 2, b + expected[i]! ** 2], [
    0, 0,
  ] as [number, number])
  return Math.sqrt(wrong / all)
}

describe.skipIf(!python)(`${network} (skipped: needs REGRAFT_PEER_PYTHON with torch)`, () => {
  const programs: Program[] = []
  let inference: Program
  let torch: z.output<typeof said>
  let gradientsOf: Awaited<ReturnType<typeof readWeights>>['tensors']
  const compile = async (engine: (typeof engines)[number], what: Graph) => {
    const program = await engine.compile(what)
    programs.push(program)
    await writeGolden(program, what)
    return program
  }

  beforeAll(async () => {
    inference = await compile(available[0]!, forInference(graph))
    const state = await Promise.all(
      [...stateShapes(graph)].map(async ([name, shape]) => {
        return [name, { shape, values: await inference.read(name) }] as const
      }),
    )
    await writePyTorch(at('weights.pth'), new Map(state))
    await writeFile(at('images.f32'), new Uint8Array(images.buffer))
    const program = ['test/pytorch/resnext.py', at('weights.pth'), at('images.f32'), String(size)]
    const shape = ['3,4,6,3', '32', '4', at('gradients.pth')]
    const { stdout } = await promisify(execFile)(python as string, [...program, ...shape])
    torch = said.parse(JSON.parse(stdout))
    gradientsOf = (await readWeights(at('gradients.pth'))).tensors
  }, 120_000)
  afterAll(() => Promise.all(programs.map(program => program.dispose())))

  it('has the same logits', async () => {
    const { fc } = await inference.run({ images })
    expect(differenceOf(fc!, torch.evaluation)).toBeLessThan(1e-5)
  })

  it.each(available.map(engine => [engine.name, engine] as const))(
    'has the same gradients on %s',
    async (_, engine) => {
      const step = gradientStep(graph)
      const program = await compile(engine, step.graph)
      const outputs = await program.run({ images, targets: oneHot([0, 1], classes) })
      expect(Math.abs(outputs.loss![0]! / torch.loss - 1)).toBeLessThan(1e-5)
      expect(differenceOf(outputs.fc!, torch.training)).toBeLessThan(1e-4)
      expect(gradientsOf.size).toBe(18)
      // Before the last stage an activation that passes its ReLU or not by a rounding error may change whole thousandths of
      // a gradient, as it does in a dense ResNet-50 of this size.
      for (const [name, { values }] of gradientsOf)
        expect(differenceOf(outputs[step.gradients.get(name)!]!, values), name).toBeLessThan(
          /^(layer4|fc)/.test(name) ? 3 * torch.worst + 1e-4 : 2e-2,
        )
    },
  )
})
