/** The data argument of commands: a folder of class folders, or the name of a data set that can be downloaded. */

import { cacheFolder } from '../base/cache.js'
import { caltech101, type Dataset } from '../data/index.js'
import { openDataset } from '../training/index.js'
import { downloadFile } from '../weights/index.js'
import { progress } from './terminal/progress.js'

/** Reads the folder, or downloads and unpacks Caltech-101 for the name 'caltech101'. */
export async function openData(argument: string, exclude: string[], labels?: string): Promise<Dataset> {
  if (argument !== 'caltech101') return openDataset(argument, { exclude, labels })
  const download: Parameters<typeof caltech101>[0]['download'] = async request => {
    const bar = progress({ label: request.name, unit: 'byte' })
    return downloadFile({ ...request, onProgress: (done, total) => bar.update(done, total) }).finally(() => bar.done())
  }
  return caltech101({ folder: cacheFolder(), download })
}
