/** Where a worker sees a study's files, and whether it may use them: `--mount FROM=TO` and `--allow FOLDER`. */
import { realpath } from 'node:fs/promises'
import { isAbsolute, join, resolve, sep } from 'node:path'
import { RegraftError } from '../../base/errors.js'
import type { Settings } from '../definition.js'
import type { Description } from './messages.js'

export interface Mount {
  readonly from: string
  readonly to: string
}

/** The files of a study as this machine sees them. */
export interface StudyPlaces {
  readonly folder: string
  readonly data: string
  readonly labels?: string
  readonly weights?: string
}

/** @throws RegraftError('usage') where it is no FROM=TO */
export function parseMount(text: string): Mount {
  const [from, to, ...rest] = text.split('=')
  if (!from || !to || rest.length > 0)
    throw new RegraftError('usage', `--mount ${text}: expected FROM=TO, like /home/ada/photos=/mnt/photos`)
  if (!isAbsolute(from) && !/^[A-Za-z]:|^\\\\/.test(from))
    throw new RegraftError('usage', `--mount ${text}: expected an absolute folder of the study's machine before '='`)
  return { from: from.replace(/[\\/]+$/, ''), to: resolve(to) }
}

/** The place of a path of the study's machine here; the longest mount decides. */
export function mounted(path: string, mounts: readonly Mount[]): string {
  const fits = mounts.filter(({ from }) => path === from || path.startsWith(`${from}/`) || path.startsWith(`${from}\\`))
  const [best] = fits.sort((a, b) => b.from.length - a.from.length)
  return best ? join(best.to, ...path.slice(best.from.length).split(/[\\/]/)) : path
}

/** A path without links; links could lead out of what is allowed. */
const real = (path: string) => realpath(path).catch(() => undefined)

async function within(path: string, folders: readonly string[]): Promise<boolean> {
  const place = await real(path)
  if (place === undefined) return false
  for (const folder of folders) {
    const allowed = await real(folder)
    if (allowed !== undefined && (place === allowed || place.startsWith(allowed === sep ? sep : allowed + sep)))
      return true
  }
  return false
}

/**
 * The files of a study here.
 * @throws RegraftError('data') in words where one is not there, or not below a folder that is allowed
 */
export async function placesOf(
  study: Description,
  mounts: readonly Mount[],
  allow: readonly string[],
): Promise<StudyPlaces> {
  const place = async (what: string, path: string) => {
    const here = mounted(path, mounts)
    if ((await real(here)) === undefined)
      throw new RegraftError(
        'data',
        `${what}, ${here}, is not here; where this machine has it at another place, say so: --mount ${path}=FOLDER`,
      )
    if (!(await within(here, allow)))
      throw new RegraftError(
        'data',
        `${what}, ${here}, is not below a folder that this worker may use (${allow.join(', ')}); to allow it: --allow ${here}`,
      )
    return here
  }
  const { folder, data, labels, weights } = study
  return {
    folder: await place("the study's folder", folder),
    data: await place('its images', data),
    ...(labels === undefined ? {} : { labels: await place('its list of labels', labels) }),
    ...(weights === undefined ? {} : { weights: await place('its weights', weights) }),
  }
}

/**
 * Settings as this machine takes them: weights that are a file here are looked for where it sees them, and have to be below
 * a folder that is allowed; the list of labels is the study's, whatever settings say.
 * @throws RegraftError('data') where it may not use that file
 */
export async function settingsHere(
  { labels: _, ...settings }: Settings,
  { mounts, allow }: { readonly mounts: readonly Mount[]; readonly allow: readonly string[] },
): Promise<Settings> {
  const { weights } = settings
  if (typeof weights !== 'string') return settings
  const here = mounted(weights, mounts)
  // Names of published weights and addresses are no files
  if ((await real(here)) === undefined) return settings
  if (!(await within(here, allow)))
    throw new RegraftError(
      'data',
      `its weights, ${here}, are not below a folder that this worker may use (${allow.join(', ')}); to allow them: --allow ${here}`,
    )
  return { ...settings, weights: here }
}
