/** Caltech-101 by name: downloads, verifies and unpacks the official archive, once. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { RegraftError } from '../../base/errors.js'
import type { Dataset } from '../dataset.js'
import { imageFolder } from './imageFolder.js'
import { unpackTarGz } from './unpackTar.js'
import { openZipEntry } from './zipEntry.js'

/** A file to download; the function that does it returns the path of the file. */
export interface DownloadRequest {
  readonly url: string
  readonly name: string
  /** Hexadecimal. */
  readonly md5: string
}

/** Where the archive is, what is in it, and how it is known to be the right one. */
export interface NestedArchive extends DownloadRequest {
  /** Path, in the zip file, of the tar.gz that holds the images, and its MD5. */
  readonly inner: { readonly path: string; readonly md5: string }
}

const FOLDER = '101_ObjectCategories'
const BACKGROUND = 'BACKGROUND_Google'

/** The official archive: 137 MB, CC BY 4.0, https://data.caltech.edu/records/mzrjq-6wc02. */
const official: NestedArchive = {
  url: 'https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip',
  name: 'caltech-101.zip',
  md5: '3138e1922a9193bfa496528edbbc45d0',
  inner: { path: `caltech-101/${FOLDER}.tar.gz`, md5: 'b224c7392d521a49829488ab0f1120d9' },
}

/** Options of `caltech101`. */
export interface Caltech101Options {
  /** Where to unpack: the images come into `101_ObjectCategories` in it. */
  readonly folder: string
  readonly download: (request: DownloadRequest) => Promise<string>
  /** Classes to leave out, besides the background. */
  readonly exclude?: readonly string[]
  /** Another archive with the same nesting. */
  readonly archive?: NestedArchive
}

/**
 * Caltech-101 without its background class: 8,677 images in 101 classes. What was unpacked before is used again.
 * @throws RegraftError if the archive is not the official one or cannot be unpacked safely
 */
export async function caltech101(options: Caltech101Options): Promise<Dataset> {
  const { folder, download, exclude = [], archive = official } = options
  const target = join(folder, FOLDER)
  if (!(await isFolder(target))) {
    const zip = await download({ url: archive.url, name: archive.name, md5: archive.md5 })
    await verify(zip, archive.md5)
    await unpackAside(zip, archive.inner, target, folder)
  }
  return imageFolder(target, { exclude: [...new Set([BACKGROUND, ...exclude])] })
}

const isFolder = (path: string) =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )

async function verify(path: string, expected: string): Promise<void> {
  const hash = createHash('md5')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  const md5 = hash.digest('hex')
  if (md5 === expected) return
  throw new RegraftError(
    'data',
    `${path} is not the expected archive (MD5 ${md5}, not ${expected}); remove it and try again`,
  )
}

/** Unpacks beside the target and renames at the end, so that the target is complete if it is there. */
async function unpackAside(zip: string, inner: NestedArchive['inner'], target: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const aside = await mkdtemp(join(folder, '.unpacking-'))
  try {
    const md5 = await unpackTarGz(await openZipEntry(zip, inner.path), aside)
    if (md5 !== inner.md5) {
      throw new RegraftError(
        'data',
        `${inner.path} in ${zip} is damaged (MD5 ${md5}, not ${inner.md5}); remove it and try again`,
      )
    }
    try {
      await rename(join(aside, FOLDER), target)
    } catch (error) {
      // Another process may have been faster
      if (!(await isFolder(target))) throw error
    }
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}
