/** Where weights come from: a file, an address, or a model on the Hugging Face Hub. */
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { RegraftError } from '../base/errors.js'
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
    const host = (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '')
    const token = process.env.HF_TOKEN
    return downloadFile({
      ...options,
      url: `${host}/${source.repository}/resolve/main/model.safetensors`,
      name: `huggingface/${source.repository.replace('/', '--')}.safetensors`,
      otherwise: token ? otherwise : `${otherwise} (a private model needs HF_TOKEN)`,
      ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}),
    })
  }
  const { url, sha256 } = source
  const file = basename(new URL(url).pathname).replace(/[^\w.-]/g, '_') || 'weights'
  // Weights of the same name from two addresses are two files; published ones are told apart by their checksum.
  const name = sha256 ? file : `${createHash('sha256').update(url).digest('hex').slice(0, 8)}-${file}`
  return downloadFile({ ...options, url, name, otherwise, ...(sha256 ? { sha256 } : {}) })
}
