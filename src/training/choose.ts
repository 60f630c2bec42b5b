/** Chooses what a run computes with, where its options leave that open. */
import { cpuModel, usableCores } from '../base/machine.js'
import { chooseEngine, type Engine, everyEngine, gpu, noBfloat16, type Precision } from '../engines/index.js'
import { elements, type Graph, lookUp } from '../graph/index.js'
import { type Network, networkGraph, networkNamed } from '../models/index.js'
import { type Candidate, fastest, type Trial } from './fastest.js'
import type { Model } from './model.js'
import type { ResolvedOptions } from './options.js'
import { compileInference, compileTraining, type TrainingGraphs } from './session.js'

/** What has to be known of a run to time its steps. */
export interface Work {
  readonly network: Network
  readonly graphs: TrainingGraphs
  /** As they are, but for the precision where that is open. */
  readonly options: ResolvedOptions
  readonly classes: number
  readonly size: number
}

/**
 * The engine that is named, else the fastest; the precision likewise. A GPU that the CPU only plays is never chosen.
 * @param precision 'auto' where it is open
 * @param tell hears what was chosen, and why
 */
export async function chosenFor(
  work: Work,
  precision: Precision | 'auto',
  tell: (message: string) => void,
): Promise<Candidate> {
  const { graphs, options } = work
  const precisions: readonly Precision[] = precision === 'auto' ? ['float32', 'bfloat16'] : [precision]
  const lacking = precision === 'auto' && options.engine !== 'webgpu' ? noBfloat16() : undefined
  if (lacking !== undefined) tell(`precision float32: ${lacking}`)
  const candidates = precisions.flatMap(one =>
    enginesFor(options.engine, graphs.trained, one).map((engine): Candidate => ({ engine, precision: one })),
  )
  const [first] = candidates
  // Says in its own words why there is none
  if (first === undefined)
    return { engine: chooseEngine(options.engine, graphs.trained, precisions[0]), precision: precisions[0]! }
  if (candidates.length === 1) return first
  const { best, seconds } = await fastest(candidates, one => trialOf(one, work), keyOf(work))
  tell(inWords(best, seconds, 'a step'))
  return best
}

const inWords = (best: Candidate, seconds: Readonly<Record<string, number>>, what: string): string => {
  const told = Object.entries(seconds).map(([name, time]) => `${name} ${(1000 * time).toFixed(time < 0.01 ? 1 : 0)} ms`)
  return `${best.engine.name} in ${best.precision}, which is faster here: ${what} takes ${told.join(', ')}`
}

/**
 * The precision in which a network predicts faster on the CPU, or on the engine that is named.
 * @param batch images of a run
 * @param tell hears what was chosen, and why
 */
export async function inferencePrecision(
  { network, classes, preprocessing: { size } }: Pick<Model, 'network' | 'classes' | 'preprocessing'>,
  batch: number,
  { engine, threads }: Pick<ResolvedOptions, 'engine' | 'threads'>,
  tell: (message: string) => void,
): Promise<Precision> {
  const lacking = engine === 'webgpu' ? undefined : noBfloat16()
  if (lacking !== undefined) tell(`precision float32: ${lacking}`)
  const graph = networkGraph(networkNamed(network), { classes: classes.length, batch, size })
  const candidates = (['float32', 'bfloat16'] as const).flatMap(precision =>
    enginesFor(engine, graph, precision)
      .filter(({ name }) => name !== 'webgpu' || engine === 'webgpu')
      .map((one): Candidate => ({ engine: one, precision })),
  )
  if (candidates.length < 2) return 'float32'
  const start = async ({ engine: one, precision }: Candidate): Promise<Trial> => {
    const { program, run } = await compileInference(one, graph, { precision, ...(threads ? { threads } : {}) })
    const images = new Float32Array(batch * 3 * size ** 2)
    return { step: () => run(images), dispose: () => program.dispose() }
  }
  const key = `${cpuModel()}, ${threads ?? usableCores()} threads, ${network} predicting, batch ${batch}, size ${size}, ${classes.length} classes`
  const { best, seconds } = await fastest(candidates, start, key)
  tell(inWords(best, seconds, batch === 1 ? 'an image' : `a run of ${batch} images`))
  return best.precision
}

/** The best engine on the CPU, and the GPU where there is a real one; or the one that is named. */
function enginesFor(named: ResolvedOptions['engine'], graph: Graph, precision: Precision): Engine[] {
  const able = (engine: Engine) => engine.supports(graph, precision).ok
  if (named !== 'auto') return everyEngine.filter(engine => engine.name === named && able(engine))
  const adapter = gpu()
  const real = typeof adapter !== 'string' && !adapter.software
  const onCpu = everyEngine.find(engine => engine.name !== 'webgpu' && able(engine))
  const onGpu = everyEngine.find(engine => engine.name === 'webgpu' && real && able(engine))
  return [onCpu, onGpu].filter(engine => engine !== undefined)
}

async function trialOf({ engine, precision }: Candidate, { network, graphs, options, classes }: Work): Promise<Trial> {
  const training = await compileTraining(engine, network, graphs, { ...options, precision })
  const input = new Float32Array(elements(lookUp(graphs.trained, graphs.input).shape))
  const targets = new Float32Array(options.batchSize * classes)
  for (let row = 0; row < options.batchSize; row++) targets[row * classes + (row % classes)] = 1
  let overall = 0
  return {
    step: () => training.step(input, targets, { epoch: 0, step: overall, overall: ++overall, factor: 1 }),
    dispose: () => training.program.dispose(),
  }
}

const keyOf = ({ network, graphs, options, classes, size }: Work): string =>
  [
    cpuModel(),
    `${options.threads ?? usableCores()} threads`,
    network.name,
    `from ${graphs.input}`,
    `batch ${options.batchSize}`,
    `size ${size}`,
    `${classes} classes`,
    options.optimiser,
    `rate of the trunk ${options.lrBackbone === 0 ? '0' : 'above 0'}`,
    `frozen until ${options.freezeUntil ?? 'nothing'}`,
    `memory ${options.memory ?? 'what is free'}`,
  ].join(', ')
