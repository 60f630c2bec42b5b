/** Chooses what a run computes with, where its options leave that open. */
import { cpuModel, usableCores } from '../base/machine.js'
import { chooseEngine, type Engine, everyEngine, gpu, noBfloat16, type Precision } from '../engines/index.js'
import { elements, lookUp } from '../graph/index.js'
import type { Network } from '../models/index.js'
import { type Candidate, fastest, type Trial } from './fastest.js'
import type { ResolvedOptions } from './options.js'
import { compileTraining, type TrainingGraphs } from './session.js'

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
    enginesFor(options.engine, work, one).map((engine): Candidate => ({ engine, precision: one })),
  )
  const [first] = candidates
  // Says in its own words why there is none
  if (first === undefined)
    return { engine: chooseEngine(options.engine, graphs.trained, precisions[0]), precision: precisions[0]! }
  if (candidates.length === 1) return first
  const { best, seconds } = await fastest(candidates, one => trialOf(one, work), keyOf(work))
  const told = Object.entries(seconds).map(([name, time]) => `${name} ${(1000 * time).toFixed(0)} ms`)
  tell(`${best.engine.name} in ${best.precision}, which is faster here: a step takes ${told.join(', ')}`)
  return best
}

/** The best engine on the CPU, and the GPU where there is a real one; or the one that is named. */
function enginesFor(named: ResolvedOptions['engine'], { graphs }: Work, precision: Precision): Engine[] {
  const able = (engine: Engine) => engine.supports(graphs.trained, precision).ok
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
