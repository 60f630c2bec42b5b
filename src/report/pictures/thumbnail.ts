/** Small pictures of images, upright, as JPEG. */
import { MAX_PIXELS, openImage } from '../../data/threads.js'

/** Pixels of a picture's longer side. */
const SIDE = 160

/** @param bytes of an image file. @throws Error with the reason where it cannot be decoded */
export async function thumbnailOf(bytes: Uint8Array): Promise<Uint8Array> {
  const image = await openImage(bytes, MAX_PIXELS)
  return image
    .open()
    .autoOrient()
    .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .jpeg({ quality: 82 })
    .toBuffer()
}
