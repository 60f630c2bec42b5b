/** Where weights come from: a file, an address, or a model on the Hugging Face Hub. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { parseJson } from '../base/json.js'
import { downloadFile } from './download.js'

export type WeightsSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string; readonly sha256?: string }
  | { readonly kind: 'hub'; readonly repository: string }

/** What `--weights` takes, apart from the names of published weights. @throws RegraftError('usage') */
export function parseWeightsSource(text: string): WeightsSource {
  if (/^https?:/i.test(text)) {
    if (!/^https?:\/\/./i.test(text) || !URL.canParse(text))
      throw new RegraftError('usage', `'${text}' is no address; write it as https://host/path/weights.pth`)
    return { kind: 'url', url: text }
  }
  if (!text.startsWith('hf:')) return { kind: 'file', path: text }
  const repository = text.slice('hf:'.length)
  if (!/^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/.test(repository) || /\.\.|--/.test(repository))
    throw new RegraftError(
      'usage',
      `'${text}' names no model: write hf:owner/name, for instance hf:timm/resnet50.tv_in1k`,
    )
  return { kind: 'hub', repository }
}

export interface FetchOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined
}

/** The path of a local file with these weights, downloaded where needed. */
export async function fetchWeights(source: WeightsSource, options: FetchOptions = {}): Promise<string> {
  if (source.kind === 'file') return source.path
  const otherwise = 'or pass --weights FILE'
  if (source.kind === 'hub') {
    const privately = process.env.HF_TOKEN ? otherwise : `${otherwise} (a private model needs HF_TOKEN)`
    return fromHub(source.repository, 'model.safetensors', { ...options, otherwise: privately })
  }
  const { url, sha256 } = source
  const file = basename(new URL(url).pathname).replace(/[^\w.-]/g, '_') || 'weights'
  // Weights of the same name from two addresses are two files; published ones are told apart by their checksum.
  const name = sha256 ? file : `${createHash('sha256').update(url).digest('hex').slice(0, 8)}-${file}`
  return downloadFile({ ...options, url, name, otherwise, ...(sha256 ? { sha256 } : {}) })
}

/** The path of a file of a model on the Hub, downloaded where needed; the weights keep the model's name alone. */
function fromHub(repository: string, file: string, options: FetchOptions & { otherwise?: string }): Promise<string> {
  const host = (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '')
  const token = process.env.HF_TOKEN
  const suffix = file === 'model.safetensors' ? 'safetensors' : file
  return downloadFile({
    ...options,
    url: `${host}/${repository}/resolve/main/${file}`,
    name: `huggingface/${repository.replace('/', '--')}.${suffix}`,
    ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}),
  })
}

/** The Hub's word on a model beside its weights. */
export interface HubFiles {
  /** config.json and preprocessor_config.json, unchecked; undefined where the model has none. */
  readonly config: unknown
  readonly preprocessor: unknown
  /** Why one of them could not be had, though it may be there. */
  readonly failure?: string
}

/** The most bytes that such a file has a reason to have: it lists a thousand classes at most. */
const largestConfig = 2 ** 22

/** Fetches what the Hub has beside a model's weights. A file that cannot be had is no reason to fail. */
export async function fetchHubFiles(repository: string, { signal }: FetchOptions = {}): Promise<HubFiles> {
  let failure: string | undefined
  const get = async (file: string): Promise<unknown> => {
    try {
      const path = await fromHub(repository, file, { signal })
      if ((await stat(path)).size > largestConfig) return undefined
      return parseJson(await readFile(path, 'utf8'))
    } catch (error) {
      if (signal?.aborted) throw error
      const message = (error as Error).message
      if (!message.includes('answered 404')) failure = message
      return undefined
    }
  }
  const config = await get('config.json')
  const preprocessor = await get('preprocessor_config.json')
  return { config, preprocessor, ...(failure === undefined ? {} : { failure }) }
}
