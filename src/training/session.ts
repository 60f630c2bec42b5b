/** A session: the compiled programs of one run, the step that trains and the forward pass that evaluates. */
import { type RandomStream, randomStream } from '../base/random.js'
import type { CompileOptions, Engine, Inputs, Outputs, Program } from '../engines/index.js'
import {
  averageOf,
  elements,
  freeze,
  type Graph,
  inferenceGraph,
  learningRateOf,
  lookUp,
  referenceOf,
  referenceShareOf,
  splitFrozen,
  trainableParameters,
  trainingStep,
  valuesOf,
  weightDecayOf,
} from '../graph/index.js'
import { type Network, networkGraph } from '../models/index.js'
import type { Listener } from './events.js'
import { frozenParameters, parameterGroups } from './groups.js'
import { fitToMemory } from './memory.js'
import type { ResolvedOptions } from './options.js'

/** Features are kept in memory where an image has at most this many. */
const largestFeature = 8192

/** What of a network is trained, as graphs on batches of one size. */
export interface TrainingGraphs {
  /** Computes the features that never change from images; undefined where everything starts from images. */
  readonly frozen?: Graph
  /** The forward graph of what is trained, from `input`. */
  readonly trained: Graph
  /** 'images', or the name of the features. */
  readonly input: string
}

/** Whether what never changes is computed once: where every epoch sees the same pixels of an image. */
export const cachesFeatures = (
  augment: 'crop-flip' | 'trivial' | 'none',
  {
    colorJitter,
    randomErasing,
    mixup,
    cutmix,
  }: Pick<ResolvedOptions, 'colorJitter' | 'randomErasing' | 'mixup' | 'cutmix'>,
): boolean => augment === 'none' && colorJitter === 0 && randomErasing === 0 && mixup === 0 && cutmix === 0

/** What is done to training images where the options leave it open: nothing where the trunk is frozen. */
export const augmentationOf = ({ augment, lrBackbone }: Pick<ResolvedOptions, 'augment' | 'lrBackbone'>) =>
  augment ?? (lrBackbone === 0 ? 'none' : 'crop-flip')

/** Freezes what the options say, and cuts off what then never changes if `cacheFeatures`. */
export function trainingGraphs(
  network: Network,
  options: Pick<ResolvedOptions, 'lrBackbone' | 'lrHead' | 'freezeUntil' | 'batchSize' | 'dropout'>,
  classes: number,
  size: number,
  cacheFeatures: boolean,
): TrainingGraphs {
  const { batchSize: batch, dropout } = options
  const forward = networkGraph(network, { classes, batch, size, ...(dropout === undefined ? {} : { dropout }) })
  const graph = freeze(forward, frozenParameters(network, options))
  const split = cacheFeatures ? splitFrozen(graph, 'images') : undefined
  if (!split || elements(lookUp(split.trained, split.cut).shape) / batch > largestFeature)
    return { trained: graph, input: 'images' }
  return { frozen: split.frozen, trained: split.trained, input: split.cut }
}

/** Compiles a forward graph for inference, with batch norms folded into the weights that `write` is given. */
export async function compileInference(engine: Engine, forward: Graph, options: CompileOptions) {
  const folded = inferenceGraph(forward)
  const program = await engine.compile(folded.graph, options)
  const [input] = valuesOf(folded.graph, 'input')
  const output = folded.graph.outputs[0] as string
  const inputs = (batch: Float32Array) => ({ [(input as { name: string }).name]: batch })
  const { begin } = program
  return {
    program,
    async write(values: ReadonlyMap<string, Float32Array>): Promise<void> {
      const read = (name: string) => values.get(name) as Float32Array
      for (const [name, data] of folded.parameters(read)) await program.write(name, data)
    },
    run: async (batch: Float32Array, signal?: AbortSignal): Promise<Float32Array> =>
      (await program.run(inputs(batch), signal))[output] as Float32Array,
    /** The same, but resolves as soon as the batch may be changed. */
    begin: async (batch: Float32Array): Promise<{ readonly rows: Promise<Float32Array> }> => {
      const outputs = begin ? (await begin(inputs(batch))).outputs : Promise.resolve(await program.run(inputs(batch)))
      return { rows: outputs.then(all => all[output] as Float32Array) }
    },
  }
}

/** A compiled forward pass. */
export type Inference = Awaited<ReturnType<typeof compileInference>>

/** The training step, compiled. */
export interface TrainingProgram {
  readonly graph: Graph
  readonly program: Program
  /** @param at the step of this epoch (from 0) and of the whole run (from 1) */
  step(batch: Float32Array, targets: Float32Array, at: StepPosition): Promise<StepResult>
  /** The same, but resolves as soon as batch and targets may be changed; undefined where that is when the step is done. */
  begin?(
    batch: Float32Array,
    targets: Float32Array,
    at: StepPosition,
  ): Promise<{ readonly result: Promise<StepResult> }>
  /** Every persistent value: what is trained, and the optimiser's state. */
  state(): Promise<Map<string, Float32Array>>
  /** Parameters and statistics as they are validated, tested and shipped: with `ema` their moving averages. */
  weights(): Promise<Map<string, Float32Array>>
  restore(values: ReadonlyMap<string, Float32Array>): Promise<void>
}

/** Where a step stands in a run, which determines its rates and its dropout masks. */
export interface StepPosition {
  readonly epoch: number
  /** Of the epoch, from 0. */
  readonly step: number
  /** Of the run, from 1. */
  readonly overall: number
  /** What the schedule multiplies every learning rate by. */
  readonly factor: number
}

export interface StepResult {
  readonly loss: number
  readonly logits: Float32Array
}

/** What the options say to an engine. */
export const compileOptions = ({ precision, threads }: ResolvedOptions): CompileOptions => ({
  precision,
  ...(threads ? { threads } : {}),
})

/** The whole training step of what is trained, before it is made to fit into memory. */
export function stepGraph(network: Network, { trained }: TrainingGraphs, options: ResolvedOptions): Graph {
  const groups = parameterGroups(network, trainableParameters(trained), options)
  const toPretrained = new Set(groups.all.filter(group => group.toPretrained).map(({ name }) => name))
  return trainingStep(trained, {
    optimiser:
      options.optimiser === 'adamw' ? { name: 'adamW', eps: adamW.eps } : { name: 'sgd', nesterov: options.nesterov },
    groupOf: groups.groupOf,
    storedStatistics: options.freezeBatchNorm,
    accumulate: options.accumulate > 1,
    clip: options.clipNorm !== undefined,
    average: options.ema > 0,
    decaysToReference: name => toPretrained.has(groups.groupOf(name)),
  })
}

/**
 * Compiles the training step of what is trained, in what memory there is.
 * @throws RegraftError('training') where there is too little
 */
export async function compileTraining(
  engine: Engine,
  network: Network,
  { trained, input }: TrainingGraphs,
  options: ResolvedOptions,
  onEvent?: Listener,
): Promise<TrainingProgram> {
  const groups = parameterGroups(network, trainableParameters(trained), options)
  const whole = stepGraph(network, { trained, input }, options)
  const { graph, note } = fitToMemory(engine, whole, compileOptions(options), options.memory)
  if (note !== undefined) onEvent?.({ type: 'note', message: note })
  const program = await engine.compile(graph, compileOptions(options))
  const inputs = valuesOf(graph, 'input')
  const masks = inputs.filter(({ name }) => name.endsWith('.mask'))
  const scalars = new Set(inputs.filter(({ shape }) => shape.length === 0).map(({ name }) => name))
  const keep = 1 - (trained.nodes.find(node => node.operator === 'dropout')?.attributes.probability ?? 0)
  const persistent = valuesOf(graph, 'parameter', 'statistic', 'state').map(({ name }) => name)
  const averaged = new Map(
    persistent.filter(name => graph.values.has(averageOf(name))).map(name => [averageOf(name), name]),
  )
  const references = new Map(
    persistent.filter(name => graph.values.has(referenceOf(name))).map(name => [referenceOf(name), name]),
  )
  const scalarsAt = ({ step, overall, factor }: StepPosition): Map<string, number> => {
    const { accumulate, clipNorm = 0, ema } = options
    // Where gradients are only gathered, these make every update leave what it updates as it is.
    const counts = (step + 1) % accumulate === 0
    const update = Math.ceil(overall / accumulate)
    // The average forgets faster at first, or it would hold on to where the run began.
    const share = counts ? 1 - Math.min(ema, (1 + update) / (10 + update)) : 0
    const values = new Map<string, number>([
      ['momentum', counts ? options.momentum : 1],
      ['correction1', 1 - adamW.beta1 ** update],
      ['correction2', 1 - adamW.beta2 ** update],
      ['beta1', counts ? adamW.beta1 : 1],
      ['beta2', counts ? adamW.beta2 : 1],
      ['gradientKeep', step % accumulate === 0 ? 0 : 1],
      ['gradientShare', 1 / accumulate],
      ['gradientScale', counts ? 1 : 0],
      ['gradientLimit', counts ? clipNorm : 0],
      ['averageKeep', 1 - share],
      ['averageShare', share],
      ['one', 1],
    ])
    for (const { name, rate, decay } of groups.all) {
      const referenceShare = options.optimiser === 'sgd' ? -decay : rate * factor * decay
      values.set(learningRateOf(name), counts ? rate * factor : 0).set(weightDecayOf(name), counts ? decay : 0)
      values.set(referenceShareOf(name), counts ? referenceShare : 0)
    }
    return values
  }
  const givenAt = (batch: Float32Array, targets: Float32Array, at: StepPosition): Inputs => {
    const values = scalarsAt(at)
    const random = randomStream(options.seed, 'dropout', at.epoch, at.step)
    return {
      [input]: batch,
      targets,
      ...Object.fromEntries([...scalars].map(name => [name, Float32Array.of(values.get(name) as number)])),
      ...Object.fromEntries(masks.map(({ name, shape }) => [name, dropoutMask(elements(shape), keep, random)])),
    }
  }
  const resultOf = (outputs: Outputs): StepResult => ({
    loss: outputs.loss![0]!,
    logits: outputs[trained.outputs[0] as string] as Float32Array,
  })
  const { begin } = program
  return {
    graph,
    program,
    step: async (batch, targets, at) => resultOf(await program.run(givenAt(batch, targets, at))),
    ...(begin && {
      begin: async (batch, targets, at) => ({
        result: (await begin(givenAt(batch, targets, at))).outputs.then(resultOf),
      }),
    }),
    state: async () => {
      const values = new Map<string, Float32Array>()
      for (const name of persistent) values.set(name, await program.read(name))
      return values
    },
    weights: async () => {
      const values = new Map<string, Float32Array>()
      for (const { name } of valuesOf(graph, 'parameter', 'statistic'))
        values.set(name, await program.read(averaged.has(averageOf(name)) ? averageOf(name) : name))
      return values
    },
    restore: async values => {
      for (const name of persistent) {
        // An average begins as what it is the average of, and a reference is what training begins with.
        const data = values.get(name) ?? values.get(averaged.get(name) ?? references.get(name) ?? '')
        if (data) await program.write(name, data)
      }
    },
  }
}

/** 1 / keep where a value is kept, else 0. */
function dropoutMask(length: number, keep: number, random: RandomStream): Float32Array {
  const mask = new Float32Array(length)
  for (let i = 0; i < length; i++) if (random.next() < keep) mask[i] = 1 / keep
  return mask
}

/** PyTorch's defaults. */
const adamW = { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
