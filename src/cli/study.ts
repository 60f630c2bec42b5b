/** `regraft study`: runs a study of hyper-parameters, or goes on with one. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { RegraftError } from '../base/errors.js'
import { plural } from '../base/plural.js'
import type { Dataset } from '../data/index.js'
import { type Network, networkNamed } from '../models/index.js'
import { type Estimate, estimateStudy } from '../study/estimate.js'
import {
  holdsStudy,
  planStudy,
  readStudy,
  readStudyRecord,
  runStudy,
  type Settings,
  type StudyRecord,
  settlePrecision,
  writeStudy,
} from '../study/index.js'
import { checkOptions, graft, type TrainingOptions } from '../training/index.js'
import { openData } from './dataFolder.js'
import { interruptSignal } from './interrupt.js'
import { report } from './report.js'
import { cellTitle, showStudy, showStudyResults } from './showStudy.js'
import { showStatus, withdrawFrom } from './studyStatus.js'
import { bytes, duration } from './terminal/format.js'
import { say } from './terminal/say.js'
import { table } from './terminal/table.js'

interface StudyOptions {
  readonly weights?: string
  readonly network?: string
  readonly scaleEpochs: number
  readonly size?: number
  readonly engine?: string
  readonly precision?: string
  readonly threads?: number
  readonly run?: string
  readonly resume?: string
  readonly dryRun?: boolean
  readonly queue?: string
  readonly status?: boolean
  readonly withdraw?: boolean
}

export const studyCommand = new Command('study')
  .description('run a study of hyper-parameters: a YAML file, or one that ships with regraft')
  .argument('[study]', "YAML file, or 'caltech101-reference'")
  .argument(
    '[data]',
    "folder with one folder per class, an archive of one, or 'caltech101'; default: what the study names",
  )
  .option('--weights <SOURCE>', 'instead of those the study names; the network is inferred from a file')
  .option('--network <NAME>', 'instead of the one the study names')
  .option(
    '--scale-epochs <SHARE>',
    'multiply the epochs of every run, to make them cheaper by the same measure',
    Number,
    1,
  )
  .option('--size <PIXELS>', 'side of the input in every run', Number)
  .option('--engine <CHOICE>', 'what executes the networks: auto, onednn or onnxruntime')
  .option('--precision <CHOICE>', 'how activations are stored in every run: float32, bfloat16 (bf16) or auto')
  .option('--threads <N>', 'threads of the engine', Number)
  .option('--run <FOLDER>', "where results go; default: the study's name under runs/")
  .option('--resume <FOLDER>', 'go on with an interrupted study')
  .option('--dry-run', 'print the runs, the estimated time and memory, and run nothing')
  .option(
    '--queue <URL>',
    'have the runs trained by the workers of a Redis queue: redis://HOST:6379, rediss:// for TLS',
  )
  .option('--status', 'with --queue: show what waits, runs and failed there, and run nothing')
  .option('--withdraw', 'with --queue: take the study of this name out of it; what was trained is kept')
  .addHelpText(
    'after',
    `
Examples:
  regraft study caltech101-reference                     every run of the reference experiment, ResNet-50
  regraft study caltech101-reference 101_ObjectCategories --weights efficientnet_lite0.pth --scale-epochs 0.1
  regraft study my-study.yaml photos --dry-run
  regraft study --resume runs/my-study
  regraft study my-study.yaml photos --queue redis://queue:6379     on many machines, each with 'regraft worker'
  regraft study --status --queue redis://queue:6379
  regraft study rates --withdraw --queue redis://queue:6379

A study file:
  name: rates
  kind: one-at-a-time        # or grid, random, halving
  base: { network: mobilenet_v2, epochs: 10 }
  vary: { lr-head: [1e-3, 1e-2], lr-backbone: [0, 1e-3] }
  seeds: [0, 1, 2]`,
  )
  .action(async (study: string | undefined, data: string | undefined, options: StudyOptions) => {
    if (options.status) return showStatus(options.queue, study)
    if (options.withdraw) return withdrawFrom(options.queue, study)
    const { record: planned, folder, open } = await prepare(study, data, options)
    const { exclude = [], labels } = planned.base as TrainingOptions
    const dataset = await openData(planned.data, { exclude, labels }, interruptSignal())
    const record = open ? await settled(planned, dataset) : planned
    const { base } = record
    if (options.dryRun) {
      const told = (line: string) => say(`${line}\n`)
      showPlan(
        record,
        await estimateStudy(record, await networkOf(base as TrainingOptions, dataset.classes.length, told), dataset),
      )
      return
    }
    if (!holdsStudy(folder)) await writeStudy(folder, record)
    const shown = showStudy(record)
    const { onChange, onEvent } = shown
    const running =
      options.queue === undefined
        ? runStudy(folder, dataset, { onChange, onEvent, signal: interruptSignal() })
        : onQueue(options.queue, folder, dataset, shown)
    const finished = await running.finally(shown.close)
    await showStudyResults(finished, folder)
    await report(folder)
  })

/** Has the workers of a queue train the runs; Redis' client is loaded only here. */
async function onQueue(
  queue: string,
  folder: string,
  dataset: Dataset,
  { onChange, tell }: ReturnType<typeof showStudy>,
): Promise<StudyRecord> {
  const { followStudy, queueAddress } = await import('../study/queue/index.js')
  const address = queueAddress(queue)
  const { base } = await readStudyRecord(folder)
  const networks = new Map<string, Promise<Network | undefined>>()
  return followStudy(folder, dataset, {
    address,
    networkOf: ({ settings }) => {
      const { network, weights, weightsPrefix } = { ...base, ...settings }
      const key = JSON.stringify([network, weights, weightsPrefix])
      const options = { ...base, ...settings } as TrainingOptions
      const found = networks.get(key) ?? networkOf(options, dataset.classes.length, tell).catch(() => undefined)
      networks.set(key, found)
      return found
    },
    onChange,
    tell,
    signal: interruptSignal('\nStopping to follow; the trials stay in the queue, and workers go on with them.\n'),
  })
}

/** The study to run: a new one, or the one that stands in the folder already; and whether its precision is still open. */
async function prepare(
  study: string | undefined,
  data: string | undefined,
  options: StudyOptions,
): Promise<{ record: StudyRecord; folder: string; open: boolean }> {
  if (options.resume !== undefined) {
    if (study !== undefined)
      throw new RegraftError('usage', `--resume goes on with a study's own runs; leave out ${study}`)
    return { record: await readStudyRecord(options.resume), folder: options.resume, open: false }
  }
  if (study === undefined)
    throw new RegraftError('usage', "name a study: a YAML file, or 'caltech101-reference' (see 'regraft study --help')")
  const { scaleEpochs } = options
  if (!(scaleEpochs > 0 && scaleEpochs <= 1))
    throw new RegraftError('usage', `--scale-epochs ${scaleEpochs}: expected a share above 0, at most 1`)
  const definition = await readStudy(study)
  const images = data ?? definition.data
  if (images === undefined)
    throw new RegraftError('usage', `${study} names no images; add a folder: regraft study ${study} FOLDER`)
  const folder = options.run ?? join('runs', definition.name)
  const overrides = Object.fromEntries(
    (['weights', 'network', 'size', 'engine', 'precision', 'threads'] as const).flatMap(name =>
      options[name] === undefined ? [] : [[name, options[name]]],
    ),
  )
  // A file says itself which network it belongs to.
  const inferred = options.weights !== undefined && options.weights !== 'none' && options.network === undefined
  const { network: _, ...others } = definition.base
  const given: Settings = { ...(inferred ? others : definition.base), ...overrides }
  const open = given.precision === 'auto'
  const base = open ? { ...given, precision: 'float32' } : given
  // An address may hold a password, which no file of a study shows
  const command = ['regraft study', ...process.argv.slice(3)].join(' ').replace(/\b(rediss?:\/\/)[^\s/]*@/gi, '$1')
  const started = new Date().toISOString()
  const planned = planStudy({ ...definition, base }, { data: images, scaleEpochs, command, started })
  if (!holdsStudy(folder)) {
    if (existsSync(join(folder, 'config.json')))
      throw new RegraftError('run', `${folder} holds a run; choose another --run FOLDER for the study`)
    return { record: planned, folder, open }
  }
  const there = await readStudyRecord(folder)
  const same = (record: StudyRecord) =>
    JSON.stringify([record.base, record.scaleEpochs, record.data, record.cells.map(({ settings }) => settings)])
  // What 'auto' came to stands there
  const settledOn = open ? { precision: there.base.precision ?? 'float32' } : {}
  if (same(there) !== same({ ...planned, base: { ...planned.base, ...settledOn } }))
    throw new RegraftError(
      'run',
      `${folder} holds another study; go on with it by --resume ${folder}, or choose another --run FOLDER`,
    )
  return { record: there, folder, open: false }
}

/** 'auto' is settled once for all runs. */
async function settled(record: StudyRecord, dataset: Dataset): Promise<StudyRecord> {
  const tell = (line: string) => say(`${line}\n`)
  const network = await networkOf(record.base as TrainingOptions, dataset.classes.length, tell)
  return settlePrecision(record, network, dataset, tell)
}

/** The network of a study; weights are only read where nothing else names it, and what was taken from them is told. */
async function networkOf(base: TrainingOptions, classes: number, tell: (line: string) => void): Promise<Network> {
  const { network, weights, weightsPrefix, match, seed } = checkOptions(base)
  if (network !== undefined) return networkNamed(network)
  const { network: found, note } = await graft({ weights, weightsPrefix, match, seed, classes })
  if (note) tell(note)
  return found
}

function showPlan(record: StudyRecord, { seconds, bytes: memory }: Estimate): void {
  const runs = record.cells.flatMap(cell =>
    cell.runs.map(({ seed, folder }) => [cellTitle(cell), String(seed), folder]),
  )
  const rows = runs.map((row, i) => [...row, duration(seconds[i] as number)])
  const total = seconds.reduce((a, b) => a + b, 0)
  say(
    `${table(['settings', 'seed', 'folder', 'time, about'], rows)}\n\n` +
      `${plural(runs.length, 'run')}, about ${duration(total)} in all from three measured steps of each kind (decoding and checking images not counted), ${bytes(memory)} of memory for the largest training step\n`,
  )
}
