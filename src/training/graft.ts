/** The graft: pretrained weights for the trunk of a network, fresh random ones for its new head. */
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RegraftError } from '../base/errors.js'
import type { Preprocessing } from '../base/preprocessing.js'
import { elements, type Graph, lookUp, type Shape, valuesOf } from '../graph/index.js'
import {
  belongsTo,
  inferNetwork,
  lookalike,
  type Network,
  networkGraph,
  networkNamed,
  networks,
  type Recognised,
  readHubModel,
  stateShapes,
} from '../models/index.js'
import {
  assertFinite,
  fetchHubFiles,
  fetchWeights,
  matchWeights,
  parseWeightsSource,
  printable,
  readWeights,
  type StateDict,
  sha256OfFile,
} from '../weights/index.js'
import { initialValues } from './initialise.js'
import { inWords, statedModel } from './statedModel.js'
import { chooseTrunk, ownState, whatWasTaken } from './trunk.js'

export interface GraftOptions {
  readonly network?: string | undefined
  /** As `--weights` takes it. */
  readonly weights?: string | undefined
  readonly match?: 'name' | 'order'
  /** Of several trunks in one file, the one below this prefix: 'encoder_k'. */
  readonly weightsPrefix?: string | undefined
  readonly classes: number
  readonly seed: number
  /** Keep the pretrained head instead of making a new one; the weights must have `classes` outputs. */
  readonly keepHead?: boolean
  /** As many classes as the file's head has, where it can be found, instead of `classes`. */
  readonly ownClasses?: boolean
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (done: number, total: number | undefined) => void
}

/** Where weights came from, as a report names it. */
export interface Provenance {
  readonly source: string
  readonly file?: string
  readonly sha256?: string
  readonly origin?: string
  readonly licence?: string
}

/** A network ready to be trained. */
export interface Grafted {
  readonly network: Network
  readonly preprocessing: Preprocessing
  readonly provenance: Provenance
  /** Every parameter and statistic by name. */
  readonly values: Map<string, Float32Array>
  /** What the file says of its head, where it is kept: names of its classes, and what its logits are divided by. */
  readonly classes?: readonly string[] | undefined
  readonly temperature?: number | undefined
  /** What was taken from a file that holds more, in words. */
  readonly note?: string | undefined
}

/** Loads weights (downloading them where needed), finds the network they belong to, and grafts a new head. */
export async function graft(options: GraftOptions): Promise<Grafted> {
  const named = options.network === undefined ? undefined : networkNamed(options.network)
  const source = options.weights ?? Object.keys((named ?? networkNamed('resnet50')).weights)[0]
  if (source === undefined)
    throw new RegraftError(
      'weights',
      `${named?.name} has no published weights; pass --weights FILE, or --weights none to start from random ones`,
    )
  if (source === 'none') {
    const network = named ?? networkNamed('resnet50')
    return {
      network,
      preprocessing: network.preprocessing,
      provenance: { source },
      values: initialise(network, options),
    }
  }
  const owner = named ?? (options.weights === undefined ? networkNamed('resnet50') : undefined)
  const published = owner?.weights[source]
  if (!published && networks.some(network => source in network.weights))
    throw new RegraftError(
      'weights',
      owner
        ? `${owner.name} has no weights '${source}'; it has: ${[...Object.keys(owner.weights), 'none'].join(', ')}, or pass a file`
        : `--weights ${source} needs --network, since several networks have such weights`,
    )
  if (networks.some(({ name }) => name === source) && !existsSync(source))
    throw new RegraftError('usage', `--weights ${source}: that is a network; pass --network ${source} instead`)
  const where =
    published?.sha256 && !published.url.startsWith('hf:')
      ? ({ kind: 'url', url: published.url, sha256: published.sha256 } as const)
      : published?.url.startsWith('file:')
        ? ({ kind: 'file', path: fileURLToPath(published.url) } as const)
        : parseWeightsSource(published?.url ?? source)
  const file = await fetchWeights(where, { signal: options.signal, onProgress: options.onProgress })
  const hub = !published && where.kind === 'hub' ? await hubModel(where.repository, options.signal) : undefined
  const { tensors, metadata } = await readWeights(file)
  const own = statedModel(metadata)
  const asked = owner ?? networks.find(({ name }) => name === (hub?.network ?? own.network))
  const entries = new Map(
    [...tensors].flatMap(([name, { shape, integer }]) =>
      integer || name.endsWith('num_batches_tracked') ? [] : [[name, shape] as const],
    ),
  )
  const trunk = options.match === 'order' ? undefined : chooseTrunk(entries, asked, options.weightsPrefix, file)
  if (asked && !trunk && options.match !== 'order') refuseAnother(entries, asked, file)
  if (trunk && !asked && hub?.network) refuseStranger(hub.network, trunk.network, source)
  const network = asked ?? trunk?.network ?? inferNetwork(entries)?.network
  if (!network) {
    refuseLookalike(entries, file)
    throw new RegraftError(
      'weights',
      `${file}${hub?.network ? `, which is ${printable(hub.network)},` : ''} fits no network that is known here (${tensors.size} entries, the first is '${printable([...tensors.keys()][0] ?? '')}'); pass --network NAME to see what is missing`,
    )
  }
  assertFinite(tensors, trunk ? trunk.names.values() : tensors.keys(), file)
  const { translate } = network
  const isHead = (name: string) => belongsTo(name, network.head)
  if (options.keepHead && trunk && ![...trunk.names.keys()].some(isHead))
    throw new RegraftError(
      'weights',
      `${file} holds the trunk of ${network.name} without its last layer '${network.head}', so it classifies nothing yet; train with it: regraft train FOLDER --weights ${file}`,
    )
  const classes = (options.ownClasses && outputsOf(tensors, network, trunk)) || options.classes
  const graph = networkGraph(network, { classes, batch: 1 })
  const state = trunk ? ownState(tensors, trunk, classes) : tensors
  const found = matchWeights(stateShapes(graph), state, {
    how: options.match ?? 'name',
    ...(translate ? { translate } : {}),
    ...(options.keepHead ? {} : { optional: isHead }),
    file,
  })
  const values = initialise(network, { ...options, classes })
  for (const [name, data] of found) if (options.keepHead || !isHead(name)) values.set(name, data)
  const provenance = {
    source,
    file,
    sha256: await sha256OfFile(file),
    ...(published ? { origin: published.origin, licence: published.licence } : {}),
  }
  const notes = [
    trunk && whatWasTaken(trunk, file),
    hub?.note,
    own.preprocessing && `${basename(file)} says: ${inWords(own)}`,
    own.otherPreprocessing &&
      `${basename(file)} says how its images are prepared, but in a way that is not known here: they are prepared as is usual for ${network.name}, which may be wrong`,
    !asked && !published && assumed(network, file),
  ]
  return {
    network,
    preprocessing: published?.preprocessing ?? {
      ...network.preprocessing,
      ...own.preprocessing,
      ...hub?.preprocessing,
    },
    provenance,
    values,
    classes: own.classes,
    temperature: own.temperature,
    note:
      notes.filter(Boolean).join('\n') ||
      (asked || published ? '' : `${basename(file)} is ${network.name}, by its names and shapes`),
  }
}

/** Classes of the head in a file; of ImageNet's with a background in front, ImageNet's. */
function outputsOf(
  tensors: StateDict,
  { head, leadingOutputs = 0 }: Network,
  trunk: Recognised | undefined,
): number | undefined {
  const name = `${head}.weight`
  const outputs = tensors.get(trunk?.names.get(name) ?? name)?.shape[0]
  return outputs === 1000 + leadingOutputs ? 1000 : outputs
}

/** A line on which of two networks was taken whose files look alike; undefined where only one has such names and shapes. */
const assumed = ({ name, twin }: Network, file: string): string | undefined =>
  twin &&
  `${basename(file)} does not say how its images are padded and normalised, and ${name} (TensorFlow's way) is assumed; --network ${twin} takes it for trained in PyTorch`

/** What the Hub says of a model: its network, and how its images are prepared. */
async function hubModel(repository: string, signal: AbortSignal | undefined) {
  const { config, preprocessor, failure } = await fetchHubFiles(repository, { signal })
  try {
    const model = readHubModel(config, preprocessor)
    const { size, resize, interpolation, crop } = model.preprocessing
    const said = [model.network && printable(model.network), size && `${size} of ${resize} pixels`, interpolation, crop]
      .filter(Boolean)
      .join(', ')
    const note = failure ?? (said ? `hf:${repository} says: ${said}` : undefined)
    return { ...model, note }
  } catch (error) {
    throw new RegraftError('weights', `hf:${repository} is not read: ${(error as Error).message}`, { cause: error })
  }
}

/** @throws RegraftError('weights') where a file holds another network than the one that was asked for */
function refuseAnother(entries: ReadonlyMap<string, Shape>, { name }: Network, file: string): void {
  const other = chooseTrunk(entries, undefined, undefined, file)?.network ?? inferNetwork(entries)?.network
  if (other && other.name !== name)
    throw new RegraftError(
      'weights',
      `${file} holds the weights of ${other.name}, not of ${name}; pass --network ${other.name}, or leave --network out`,
    )
  refuseLookalike(entries, file)
}

/** @throws RegraftError('weights') where a file looks like a network that is known to be none of these */
function refuseLookalike(entries: ReadonlyMap<string, Shape>, file: string): void {
  const like = lookalike(entries)
  if (like)
    throw new RegraftError(
      'weights',
      `${file} looks like ${like.name}, which ${like.which}; what Regraft knows is ${networks.map(({ name }) => name).join(', ')}`,
    )
}

/** @throws RegraftError('weights') since a network that is not known may have the names of one that is, and compute otherwise */
function refuseStranger(stranger: string, { name }: Network, source: string): void {
  throw new RegraftError(
    'weights',
    `${source} is ${printable(stranger)}, as its config.json says, which is not known here. It has the names and shapes of ${name}, and may compute otherwise; --network ${name} takes it for that`,
  )
}

function initialise(network: Network, { classes, seed }: GraftOptions): Map<string, Float32Array> {
  const graph = networkGraph(network, { classes, batch: 1 })
  return new Map(
    valuesOf(graph, 'parameter', 'statistic').map(({ name, shape }) => [
      name,
      initialValues(name, shape, seed, linearInputs(graph, name, shape)),
    ]),
  )
}

/** Inputs of the fully connected layer that a bias belongs to. */
function linearInputs(graph: Graph, name: string, shape: Shape): number | undefined {
  const weight = name.replace(/bias$/, 'weight')
  const layer = name.endsWith('.bias') && graph.values.has(weight) ? lookUp(graph, weight).shape : []
  return layer.length === 2 && elements(shape) === layer[0] ? layer[1] : undefined
}
