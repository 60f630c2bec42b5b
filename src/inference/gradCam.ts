/** Grad-CAM (Selvaraju et al. 2017): where in an image the score of a class comes from, by the graph's own differentiation. */
import type { CompileOptions, Engine, Program } from '../engines/index.js'
import {
  differentiateAlong,
  elements,
  type Graph,
  GraphBuilder,
  inferenceGraph,
  lookUp,
  prune,
  type Shape,
  splitAt,
} from '../graph/index.js'
import { scaled } from './heatMap.js'

/** What one image gives: everything that any class's map is made of. */
export interface Activations {
  /** One score a class, before softmax. */
  readonly logits: Float32Array
  /** The last stage's output, channel by channel. */
  readonly maps: Float32Array
}

/** A compiled network that can be asked for the gradient of any class. */
export interface GradCam {
  /** Writes the network's parameters and statistics. */
  write(values: ReadonlyMap<string, Float32Array>): Promise<void>
  /** The forward pass. @param image one image, normalised, [3, size, size] */
  forward(image: Float32Array): Promise<Activations>
  /** The class's map: `side` x `side` numbers from 0 to 1. Costs the head's passes only. */
  map(activations: Activations, label: number): Promise<Float32Array>
  /** Height and width of a map. */
  readonly side: number
  dispose(): Promise<void>
}

/**
 * The trunk, which ends with the last stage's output (what the global average pooling reads), and the head behind it with
 * the gradient of a chosen sum of its scores.
 * @param forward the network on one image
 */
function gradCamGraphs(forward: Graph) {
  const { graph, parameters } = inferenceGraph(forward)
  const pooling = graph.nodes.find(({ operator }) => operator === 'globalAveragePool')
  if (!pooling) throw new Error(`${graph.name} has no global average pooling`)
  const maps = pooling.inputs[0] as string
  const { before, after } = splitAt(graph, maps)
  const logits = after.outputs[0] as string
  const builder = new GraphBuilder(after.name, after)
  const direction = builder.declare('direction', 'input', lookUp(after, logits).shape)
  const { graph: head, gradients } = differentiateAlong(builder.build([logits]), logits, direction, [maps])
  const gradient = gradients.get(maps) as string
  return {
    trunk: before,
    head: prune({ ...head, outputs: [logits, gradient] }),
    parameters,
    maps,
    logits,
    gradient,
    shape: lookUp(graph, maps).shape,
  }
}

/** Compiles the forward graph of a network on one image. */
export async function compileGradCam(engine: Engine, forward: Graph, options: CompileOptions): Promise<GradCam> {
  const { trunk, head, parameters, maps, logits, gradient, shape } = gradCamGraphs(forward)
  const programs: Program[] = []
  const compiled = async (graph: Graph) => {
    const program = await engine.compile(graph, options)
    programs.push(program)
    return program
  }
  const dispose = async () => {
    for (const program of programs) await program.dispose()
  }
  try {
    const [trunkProgram, headProgram] = [await compiled(trunk), await compiled(head)]
    const classes = elements(lookUp(head, logits).shape)
    const runHead = async (values: Float32Array, label?: number) =>
      headProgram.run({
        [maps]: values,
        direction: Float32Array.from({ length: classes }, (_, c) => (c === label ? 1 : 0)),
      })
    return {
      side: shape[2] as number,
      write: async values => {
        for (const [name, data] of parameters(name => values.get(name) as Float32Array)) {
          if (trunk.values.has(name)) await trunkProgram.write(name, data)
          if (head.values.has(name)) await headProgram.write(name, data)
        }
      },
      forward: async image => {
        const values = (await trunkProgram.run({ images: image }))[maps] as Float32Array
        return { maps: values, logits: (await runHead(values))[logits] as Float32Array }
      },
      map: async ({ maps: values }, label) =>
        classMap(values, (await runHead(values, label))[gradient] as Float32Array, shape),
      dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** relu(sum over channels of mean gradient * activation), from 0 to 1 as pytorch-grad-cam scales it. */
export function classMap(
  activations: Float32Array,
  gradient: Float32Array,
  [, channels, ...sides]: Shape,
): Float32Array {
  const pixels = elements(sides)
  const sum = new Float64Array(pixels)
  for (let c = 0; c < (channels as number); c++) {
    let weight = 0
    for (let i = c * pixels; i < (c + 1) * pixels; i++) weight += gradient[i]! / pixels
    for (let i = 0; i < pixels; i++) sum[i] = sum[i]! + weight * activations[c * pixels + i]!
  }
  return scaled(Float32Array.from(sum, value => Math.max(0, value)))
}
