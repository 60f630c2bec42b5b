/** What a program brings of its own to a run: a schedule of the learning rates, and an augmentation. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { RegraftError } from '../base/errors.js'
import type { RandomStream } from '../base/random.js'

/**
 * What both learning rates are multiplied by in an epoch. It may depend on nothing else, or a resumed run would differ.
 * @param epoch from 0
 * @param epochs of the whole run
 */
export type Schedule = (epoch: number, epochs: number) => number

/**
 * What the default export of an augmentation's module is: it changes a training image after crop, mirroring and the
 * augmentations that the options name, before normalisation.
 * @param pixels size x size pixels, red, green and blue of each; to be changed in place
 * @param random this image's own stream in this epoch: with it alone as a source of chance, a run can be repeated
 */
export type OwnAugmentation = (pixels: Uint8Array, size: number, random: RandomStream) => void

/** What is a run's own and stands in no option. */
export interface Own {
  readonly schedule?: Schedule | undefined
  /** A module's URL, since images are augmented in threads: `new URL('./my-augmentation.js', import.meta.url)`. */
  readonly augmentation?: URL | undefined
}

/** What is recorded of it: that there was a schedule, and the augmentation's digest. */
export interface RecordedOwn {
  readonly schedule?: boolean | undefined
  readonly augmentation?: string | undefined
}

/** @throws RegraftError('usage') where the module cannot be read, or has no function to give */
export async function recordOwn({ schedule, augmentation }: Own): Promise<RecordedOwn | undefined> {
  if (!schedule && !augmentation) return undefined
  return {
    ...(schedule ? { schedule: true } : {}),
    ...(augmentation ? { augmentation: await digestOf(augmentation) } : {}),
  }
}

async function digestOf(augmentation: URL): Promise<string> {
  if (augmentation.protocol !== 'file:')
    throw new RegraftError('usage', `the augmentation ${augmentation} is no file: name a module on this machine`)
  let found: unknown
  try {
    found = (await import(augmentation.href)).default
  } catch (cause) {
    throw new RegraftError('usage', `the augmentation ${augmentation} cannot be loaded: ${(cause as Error).message}`, {
      cause,
    })
  }
  if (typeof found !== 'function')
    throw new RegraftError(
      'usage',
      `the augmentation ${augmentation} has no function as its default export; see OwnAugmentation`,
    )
  return createHash('sha256')
    .update(await readFile(fileURLToPath(augmentation)))
    .digest('hex')
}

/**
 * Checks that a run goes on with what it began with. A run folder names no code, so that opening one from elsewhere runs
 * none: what was a run's own is passed again.
 * @throws RegraftError('run') where something is missing, or another
 */
export async function checkOwn(run: string, recorded: RecordedOwn | undefined, own: Own): Promise<void> {
  const given = await recordOwn(own)
  for (const [name, what] of [
    ['schedule', 'a schedule'],
    ['augmentation', 'an augmentation'],
  ] as const) {
    if (recorded?.[name] && !given?.[name])
      throw new RegraftError(
        'run',
        `${run} was begun with ${what} of its own: pass it again, as resume(run, { ${name}: … })`,
      )
    if (!recorded?.[name] && given?.[name])
      throw new RegraftError(
        'run',
        `${run} was begun without ${what} of its own: leave out ${name}, or start a new run`,
      )
  }
  if (recorded?.augmentation !== given?.augmentation)
    throw new RegraftError(
      'run',
      `the augmentation ${own.augmentation} has changed since ${run} began; restore it, or start a new run`,
    )
}

/** @throws RegraftError('usage') where it is no finite number from 0 */
export function ownFactor(schedule: Schedule, epoch: number, epochs: number): number {
  const factor = schedule(epoch, epochs)
  if (!(Number.isFinite(factor) && factor >= 0))
    throw new RegraftError(
      'usage',
      `the schedule gave ${factor} for epoch ${epoch}; a factor is a number from 0, and epochs are counted from 0`,
    )
  return factor
}
