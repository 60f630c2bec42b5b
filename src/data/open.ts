/** Opens what a person names as data: a folder of class folders, an archive of one, or either with a CSV of labels. */
import { stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { RegraftError } from '../base/errors.js'
import type { Dataset } from './dataset.js'
import { hasImageExtension } from './decode/imageFormat.js'
import { archiveStem, type Unpacking, unpackedArchive } from './folders/archive.js'
import { folderContent } from './folders/imageFiles.js'
import { type ImageFolderOptions, imageFolder } from './folders/imageFolder.js'
import { labelledImages } from './folders/labels.js'

/** Options of `openDataset`. */
export interface OpenOptions extends ImageFolderOptions {
  /** A CSV of paths and labels; the folder's own classes do not count then. */
  readonly labels?: string | undefined
}

/**
 * The data set of a folder, or of an archive (zip, tar, tar.gz), which is unpacked into the cache where it is not there
 * yet. A folder around everything in an archive is passed through.
 * @throws RegraftError as `imageFolder`, `labelledImages` and `unpackedArchive` do
 */
export async function openDataset(data: string, options: OpenOptions = {}, unpacking?: Unpacking): Promise<Dataset> {
  const found = await stat(data).catch(() => undefined)
  if (!found?.isFile()) return inFolder(data, options)
  const root = await unpackedArchive(data, unpacking)
  try {
    return { ...(await below(root, await wrapperOf(root, data, options), options)), source: data }
  } catch (error) {
    if (!(error instanceof RegraftError)) throw error
    // A person knows the archive, not where it was unpacked
    throw new RegraftError(error.code, error.message.replaceAll(root, data), { cause: error })
  }
}

const inFolder = (root: string, { labels, ...options }: OpenOptions): Promise<Dataset> =>
  labels === undefined ? imageFolder(root, options) : labelledImages(labels, { root, ...options })

/** The data set of a folder in another one, from which its paths start. */
async function below(root: string, folders: string, options: OpenOptions): Promise<Dataset> {
  if (folders === '') return inFolder(root, options)
  // The paths of a list may begin outside of the wrapper
  const outer = options.labels === undefined ? undefined : await inFolder(root, options).catch(() => undefined)
  if (outer !== undefined) return outer
  const found = await inFolder(join(root, folders), options)
  return { ...found, root, samples: found.samples.map(({ path, label }) => ({ path: `${folders}/${path}`, label })) }
}

/** The folders, one in the other, that everything in an archive is in, such as photos in photos.zip. */
async function wrapperOf(root: string, archive: string, { labels }: OpenOptions): Promise<string> {
  const { folders, files } = await folderContent(root)
  const [only] = folders
  if (only === undefined || folders.length > 1 || files.some(hasImageExtension)) return ''
  if (labels !== undefined) return only
  const content = await folderContent(join(root, only))
  const holdsClasses = content.folders.length > 1 || (content.folders.length === 1 && only === archiveStem(archive))
  if (!holdsClasses || content.files.some(hasImageExtension)) return ''
  const more = await wrapperOf(join(root, only), archive, {})
  return more === '' ? only : `${only}/${more}`
}

/** Letters of a name that others are made of, which no disk takes longer than 255 bytes. */
const NAME_LENGTH = 50

/** What a data set is called: its folder, or its archive without the ending; only the beginning of a long name. */
export const nameOf = ({ root, source }: Pick<Dataset, 'root' | 'source'>): string =>
  [...(source === undefined ? basename(resolve(root)) : archiveStem(source))].slice(0, NAME_LENGTH).join('')
