/** The data argument of commands: a folder of class folders, an archive of one, or the name of a data set that can be downloaded. */
import { basename } from 'node:path'
import { cacheFolder } from '../base/cache.js'
import {
  caltech101,
  type Dataset,
  type OpenOptions,
  openDataset,
  type Unpacking,
  unpackedArchive,
} from '../data/index.js'
import { downloadFile } from '../weights/index.js'
import { endAtSignal, interruptSignal } from './interrupt.js'
import { progress } from './terminal/progress.js'

/** Reads the folder, unpacks an archive that is not in the cache yet, or downloads and unpacks Caltech-101 for its name. */
export async function openData(
  argument: string,
  options: Pick<OpenOptions, 'exclude' | 'labels' | 'keepFaults'>,
  signal?: AbortSignal,
): Promise<Dataset> {
  if (argument !== 'caltech101') {
    const { done, ...unpacking } = unpackingShown(argument, signal)
    return openDataset(argument, options, unpacking).finally(done)
  }
  const download: Parameters<typeof caltech101>[0]['download'] = async request => {
    const bar = progress({ label: request.name, unit: 'byte' })
    return downloadFile({ ...request, onProgress: (done, total) => bar.update(done, total) }).finally(() => bar.done())
  }
  return caltech101({ folder: cacheFolder(), download })
}

/** Unpacks what is an archive, with a bar, so that whoever opens it finds it unpacked. @returns the folder of its images */
export async function unpackFirst(argument: string): Promise<string> {
  const { done, ...unpacking } = unpackingShown(argument, interruptSignal('\nStopping.\n'))
  return unpackedArchive(argument, unpacking).finally(() => {
    done()
    endAtSignal()
  })
}

/** A bar, should there be something to unpack. */
function unpackingShown(argument: string, signal?: AbortSignal): Unpacking & { readonly done: () => void } {
  const bar = progress({ label: `Unpacking ${basename(argument)}`, unit: 'byte' })
  return { signal, onUnpack: (done, total) => bar.update(done, total), done: () => bar.done() }
}
