/** The index of the small pictures that a run keeps for its report. */
import { join } from 'node:path'
import { z } from 'zod'
import { RegraftError } from '../../base/errors.js'
import { openRegular, readText } from '../../base/readText.js'

/** A plain name, so that an index from elsewhere leads to no other folder. */
const file = z.string().regex(/^[a-z]+-\d{1,6}\.jpg$/)
const counts = z.array(z.number().int().min(0))

const indexSchema = z.object({
  /** Images of each class, in the order of the run's classes. */
  counts: z.object({ train: counts, validation: counts, test: counts }),
  /** Training images: one or two of a class. */
  samples: z.array(z.object({ file, path: z.string(), class: z.string() })),
  /** Test images that were taken for another class; of the worst also where the network saw that class. */
  mistakes: z.array(z.object({ file, path: z.string(), heat: file.optional() })),
})

export type PictureIndex = z.infer<typeof indexSchema>

export const pictureFolder = (run: string): string => join(run, 'pictures')
export const pictureIndexFile = (run: string): string => join(pictureFolder(run), 'pictures.json')

/** Undefined where no pictures were collected. @throws RegraftError('run') where the index is damaged */
export async function readPictureIndex(run: string): Promise<PictureIndex | undefined> {
  const path = pictureIndexFile(run)
  const text = await readText(path)
  if (text === undefined) return undefined
  try {
    return indexSchema.parse(JSON.parse(text))
  } catch (error) {
    throw new RegraftError(
      'run',
      `${path} is damaged; remove the folder it stands in, and the report will do without`,
      {
        cause: error,
      },
    )
  }
}

/** Larger than any thumbnail gets. */
const MAX_PICTURE_BYTES = 256 * 1024

/** The bytes of a picture, or undefined where it is not there or no JPEG. */
export async function readPicture(run: string, name: string): Promise<Uint8Array | undefined> {
  const handle = await openRegular(join(pictureFolder(run), name)).catch(() => undefined)
  if (!handle) return undefined
  try {
    if ((await handle.stat()).size > MAX_PICTURE_BYTES) return undefined
    const bytes = await handle.readFile()
    return bytes[0] === 0xff && bytes[1] === 0xd8 ? bytes : undefined
  } finally {
    await handle.close()
  }
}
