/** Sets up a run from options, or from its folder, and executes it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { writeJson } from '../base/files.js'
import { cpuModel, usableCores } from '../base/machine.js'
import { forTesting, type Preprocessing, withOverrides } from '../base/preprocessing.js'
import { version } from '../base/version.js'
import {
  checkImages,
  createImageStore,
  createLoader,
  type Dataset,
  type Duplicates,
  defaultCropFlip,
  type FileStamps,
  fileStamps,
  type ImageStore,
  type Loader,
  type LoaderOptions,
  nameOf,
  openDataset,
  type Split,
  sourceOf,
  splitFromPaths,
  splitToPaths,
  splitWarnings,
} from '../data/index.js'
import { chooseEngine, type Engine } from '../engines/index.js'
import { networkGraph } from '../models/index.js'
import { chosenFor } from './choose.js'
import type { Listener } from './events.js'
import { execute, type Finished } from './execute.js'
import { type Grafted, graft } from './graft.js'
import { checkOptions, type ResolvedOptions, type TrainingOptions } from './options.js'
import { checkOwn, type Own, recordOwn } from './own.js'
import { checkPhases } from './phases.js'
import { planSplit } from './planSplit.js'
import { assertUnused, createRun, freshRunFolder, type RunConfig, readConfig, resultFile } from './runFolder.js'
import { augmentationOf, cachesFeatures, trainingGraphs } from './session.js'

/** What goes on beside a run, and what a program brings of its own. */
export interface Hooks extends Own {
  /** Hears of progress, epochs and warnings. */
  readonly onEvent?: Listener | undefined
  /** Stops the run after the current step; everything is saved, and the promise rejects with code 'interrupted'. */
  readonly signal?: AbortSignal | undefined
  /** What runs on the same images share. */
  readonly reuse?: Reuse | undefined
  /** Where this machine sees the files of a run that another one began. */
  readonly places?: Places | undefined
  /** Tells that this process holds the run, whoever else may seem to train it. */
  readonly owner?: boolean | undefined
}

/** Where a machine sees the files that a run was begun with. */
export interface Places {
  readonly data: string
  readonly labels?: string | undefined
  /** A file. */
  readonly weights?: string | undefined
}

/** Options that may be others when a run goes on. */
export type Harmless = Pick<TrainingOptions, 'memory' | 'engine'>

export interface Reuse {
  /** A folder that keeps features of frozen trunks. */
  readonly features: string
  /** Decoded images. */
  readonly images: ImageStore
}

/** A new run: weights, split, checks of every image, the run folder, then the training itself. */
export async function begin(data: Dataset, options: TrainingOptions, hooks: Hooks): Promise<Finished> {
  const tell = (message: string) => hooks.onEvent?.({ type: 'note', message })
  // What is faster is known once network, batch and size are
  const open = options.precision === 'auto'
  const resolved = checkOptions(open ? { ...options, precision: 'float32' } : options)
  if (resolved.run !== undefined) assertUnused(resolved.run)
  if (data.faults?.length) await tellFaults(data, resolved.skipBadImages, hooks)
  const grafted = await graft(graftOptions(resolved, data.classes.length, hooks))
  if (grafted.note) hooks.onEvent?.({ type: 'note', message: grafted.note })
  // Fails for an unknown stage before any image is read.
  checkPhases(grafted.network, resolved)
  const run = resolved.run ?? freshRunFolder(nameOf(data), grafted.network.name)
  const augment = augmentationOf(resolved)
  const preprocessing = withOverrides(grafted.preprocessing, resolved)
  const own = await recordOwn(hooks)
  const testPreprocessing = forTesting(preprocessing, resolved.testScale)
  const cacheFeatures = own?.augmentation === undefined && cachesFeatures(augment, resolved)
  checkViews(resolved, cacheFeatures)
  const loader = loaderOf(data, loaderOptions(resolved, preprocessing, augment, hooks), testPreprocessing)
  try {
    for (const message of data.warnings ?? []) hooks.onEvent?.({ type: 'warning', message })
    const stamps = await fileStamps(data, undefined, hooks.signal)
    const planned = await planSplit(data, resolved, stamps, hooks.onEvent, hooks.signal)
    const { duplicates, grouping, own: ownSplit, across } = planned
    const { split: parts, bad, warnings } = await check(loader, planned.split, stamps, resolved.skipBadImages, hooks)
    for (const message of [...warnings, ...splitWarnings(data, parts, resolved.classWeights === 'balanced')])
      hooks.onEvent?.({ type: 'warning', message })
    const batchSize = Math.min(resolved.batchSize, parts.train.length)
    if (batchSize < resolved.batchSize)
      hooks.onEvent?.({
        type: 'warning',
        message: `there are only ${batchSize} training images: a batch holds them all`,
      })
    if (batchSize * resolved.accumulate > parts.train.length)
      throw new RegraftError(
        'usage',
        `--accumulate ${resolved.accumulate} batches of ${batchSize} are more than the ${parts.train.length} training images; lower one of them`,
      )
    const intended: RunConfig = {
      options: { ...resolved, run },
      data: sourceOf(data),
      classes: [...data.classes],
      split: pathsOf(data, parts),
      ...(ownSplit ? { ownSplit } : {}),
      ...(across
        ? { across: { images: across.images, test: across.test.map(index => data.samples[index]!.path) } }
        : {}),
      network: grafted.network.name,
      preprocessing,
      ...(testPreprocessing ? { testPreprocessing } : {}),
      resolved: {
        augment,
        cacheFeatures,
        batchSize,
        grouping,
        ...(own ? { own } : {}),
      },
      provenance: grafted.provenance,
      environment: environment(resolved),
      started: new Date().toISOString(),
    }
    const { engine, precision } = await choice(intended, grafted, open, tell)
    const config: RunConfig = {
      ...intended,
      options: { ...intended.options, precision },
      environment: { ...intended.environment, engine: engine.name, library: engine.library },
    }
    await createRun(run, config)
    if (duplicates) await writeJson(join(run, 'duplicates.json'), namedPairs(data, duplicates))
    if (bad.length > 0) await writeJson(join(run, 'skipped-images.json'), bad)
    return await execute({ run, config, parts, loader, stamps, engine, grafted, ...hooks })
  } finally {
    await loader.close()
  }
}

/** An interrupted run, from where its folder stands, with other options where they change no result. */
export async function goOn(run: string, hooks: Hooks, changes: Harmless = {}): Promise<Finished> {
  const recorded = await readConfig(run)
  const { engine: other, ...harmless } = changes
  const environment = { ...recorded.environment, ...(other === undefined ? {} : { engine: other }) }
  const { places } = hooks
  const config: RunConfig = {
    ...recorded,
    data: places?.data ?? recorded.data,
    options: { ...recorded.options, ...(places?.labels ? { labels: places.labels } : {}), ...harmless },
    environment,
  }
  if (other !== undefined && other !== recorded.environment.engine)
    hooks.onEvent?.({
      type: 'note',
      message: `the run goes on with the engine ${other}: from here on its numbers differ from those of ${recorded.environment.engine} by rounding`,
    })
  const { options, provenance, resolved } = config
  if (existsSync(resultFile(run)))
    throw new RegraftError('run', `${run} has finished already; its results are in ${resultFile(run)}`)
  await checkOwn(run, resolved.own, hooks)
  const data = await openDataset(config.data, options, {
    signal: hooks.signal,
    onUnpack: (done, total) => hooks.onEvent?.({ type: 'progress', task: 'archive', done, total, unit: 'byte' }),
  })
  if (data.classes.join('\n') !== config.classes.join('\n'))
    throw new RegraftError(
      'data',
      `the classes in ${config.data} are no longer those of ${run}; restore them, or start a new run`,
    )
  const kept = provenance.file && existsSync(provenance.file) ? provenance.file : provenance.source
  const weights = places?.weights ?? kept
  const grafted = await graft(
    graftOptions({ ...options, weights, network: config.network }, data.classes.length, hooks),
  )
  if (grafted.provenance.sha256 !== provenance.sha256)
    throw new RegraftError('run', `${weights} is not the file that ${run} began with; restore it, or start a new run`)
  const engine = engineFor(config, grafted)
  const { preprocessing, testPreprocessing } = config
  const loader = loaderOf(data, loaderOptions(options, preprocessing, resolved.augment, hooks), testPreprocessing)
  try {
    const stamps = await fileStamps(data, undefined, hooks.signal)
    const { split: parts } = await check(loader, splitFromPaths(data, config.split), stamps, false, hooks)
    const used = { ...config, environment: { ...config.environment, library: engine.library } }
    return await execute({ run, config: used, parts, loader, stamps, engine, grafted, ...hooks })
  } finally {
    await loader.close()
  }
}

function graftOptions(options: ResolvedOptions, classes: number, { onEvent, signal }: Hooks) {
  const { network, weights, weightsPrefix, match, seed } = options
  const onProgress = (done: number, total: number | undefined) =>
    onEvent?.({ type: 'progress', task: 'weights', done, total, unit: 'byte' })
  return { network, weights, weightsPrefix, match, seed, classes, signal, onProgress }
}

/** @throws RegraftError('usage') where images are to be looked at again, of which nothing but features is kept */
function checkViews({ tta, testScale, lrBackbone, freezeUntil }: ResolvedOptions, cacheFeatures: boolean): void {
  if ((tta === 'none' && testScale === 1) || !cacheFeatures || (lrBackbone > 0 && freezeUntil === undefined)) return
  throw new RegraftError(
    'usage',
    `${tta === 'none' ? '--test-scale' : '--tta'} looks at images again, but of a frozen trunk features are computed once; leave it out, or pass --augment crop-flip`,
  )
}

/** The loader of a run; of images that are tested at another size, a second one, which shares the memory of the first. */
function loaderOf(data: Dataset, options: LoaderOptions, testPreprocessing: Preprocessing | undefined): Loader {
  if (!testPreprocessing) return createLoader(data, options)
  const images = options.images ?? createImageStore()
  const training = createLoader(data, { ...options, images })
  const testing = createLoader(data, { ...options, images, preprocessing: testPreprocessing })
  const of = (isTraining: boolean | undefined) => (isTraining ? training : testing)
  return {
    ...training,
    batches: (indices, batch) => of(batch.training).batches(indices, batch),
    prepare: (index, how = {}) => of(how.training).prepare(index, how),
    close: async () => {
      await Promise.all([training.close(), testing.close()])
    },
  }
}

/** The loader of a run that has finished. An augmentation of its own is left out, since no run folder names code. */
export const runLoader = (data: Dataset, { options, preprocessing, testPreprocessing, resolved }: RunConfig): Loader =>
  loaderOf(data, loaderOptions(options, preprocessing, resolved.augment, {}), testPreprocessing)

function loaderOptions(
  options: ResolvedOptions,
  preprocessing: RunConfig['preprocessing'],
  augment: RunConfig['resolved']['augment'],
  { reuse, augmentation }: Hooks,
) {
  const { seed, threads, cropScale, colorJitter, randomErasing } = options
  return {
    preprocessing,
    seed,
    augment,
    colorJitter,
    randomErasing,
    ...(threads ? { threads } : {}),
    ...(reuse ? { images: reuse.images } : {}),
    ...(augmentation ? { ownAugmentation: augmentation.href } : {}),
    cropFlip: { ...defaultCropFlip, scale: [cropScale, 1] as const },
  }
}

const namedPairs = ({ samples }: Dataset, { pairs }: Duplicates) =>
  pairs.map(({ a, b, kind, score }) => ({ first: samples[a]?.path, second: samples[b]?.path, kind, score }))

function check(loader: Loader, parts: Split, stamps: FileStamps, skipBad: boolean, { onEvent, signal }: Hooks) {
  const onProgress = (done: number, total: number) =>
    onEvent?.({ type: 'progress', task: 'images', done, total, unit: 'image' })
  return checkImages(loader, parts, { skipBad, stamps, onProgress, ...(signal ? { signal } : {}) })
}

/** Tells everything that is wrong at once, before weights are downloaded. */
async function tellFaults(data: Dataset, skipBad: boolean, hooks: Hooks): Promise<void> {
  const small = {
    size: 32,
    resize: 32,
    interpolation: 'bilinear',
    crop: 'center',
    mean: [0, 0, 0],
    std: [1, 1, 1],
  } as const
  const loader = createLoader(data, { preprocessing: small, cacheBytes: 0 })
  try {
    const everything = { train: [...data.samples.keys()], val: [], test: [] }
    await check(loader, everything, await fileStamps(data, undefined, hooks.signal), skipBad, hooks)
  } finally {
    await loader.close()
  }
}

function pathsOf(data: Dataset, parts: Split): RunConfig['split'] {
  const { train: first, val, test } = splitToPaths(data, parts)
  return { train: [...first], val: [...val], test: [...test] }
}

/** What a new run computes with. */
function choice(
  { options, resolved, classes, preprocessing }: RunConfig,
  { network }: Grafted,
  open: boolean,
  tell: (message: string) => void,
) {
  const set = { ...options, batchSize: resolved.batchSize }
  const graphs = trainingGraphs(network, set, classes.length, preprocessing.size, resolved.cacheFeatures)
  const work = { network, graphs, options: set, classes: classes.length, size: preprocessing.size }
  return chosenFor(work, open ? 'auto' : options.precision, tell)
}

/** The engine of the run that is resumed: another one would give other numbers. */
function engineFor(config: RunConfig, { network }: Grafted): Engine {
  const { batchSize: batch } = config.resolved
  const graph = networkGraph(network, { classes: config.classes.length, batch, size: config.preprocessing.size })
  return chooseEngine(config.environment.engine, graph, config.options.precision)
}

function environment(options: ResolvedOptions): RunConfig['environment'] {
  return {
    regraft: version,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpuModel(),
    engine: options.engine,
    threads: options.threads ?? usableCores(),
  }
}
