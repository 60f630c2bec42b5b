/** The images of a request: files of a form, or base64 in JSON. */
import { getMultipartBoundary, MultipartParseError, parseMultipart } from '@remix-run/multipart-parser'
import type { Context } from 'hono'
import { bodyTooLarge } from './admission.js'
import type { Limits } from './limits.js'
import { Refusal } from './refusal.js'
import { imagesBody } from './schemas.js'

/** An image as it was sent. */
export interface SentImage {
  /** The file's name, or its number from 1. It is only given back: it is no path to anything. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** @throws Refusal where the body is no form and no JSON, too large, damaged, or holds no images or too many */
export async function imagesOf(context: Context, limits: Limits): Promise<readonly SentImage[]> {
  const type = context.req.header('content-type') ?? ''
  const form = /^multipart\/form-data\s*;/i.test(type)
  if (!form && !/^application\/json\s*(;|$)/i.test(type))
    throw new Refusal(
      415,
      "send images as multipart/form-data with files under 'image', or as application/json with base64 under 'images'",
    )
  const body = await bodyOf(context, limits)
  const images = form ? formImages(body, type, limits) : jsonImages(body)
  if (images.length === 0)
    throw new Refusal(400, form ? "the form has no file under 'image'" : "'images' is empty; send at least one")
  if (images.length > limits.images)
    throw new Refusal(413, `more than ${limits.images} images in one request; send them in several`)
  return images
}

/** All of a body, read no further than it may be long: what announces no length cannot be turned away before. */
async function bodyOf({ req }: Context, limits: Limits): Promise<Uint8Array> {
  try {
    if (req.header('content-length') !== undefined && req.header('transfer-encoding') === undefined)
      return new Uint8Array(await req.arrayBuffer())
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of req.raw.body ?? []) {
      length += chunk.length
      if (length > limits.bodyBytes) throw bodyTooLarge(limits)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(400, 'the body ended before it was whole')
  }
}

function formImages(body: Uint8Array, type: string, { bodyBytes, images: most }: Limits): SentImage[] {
  const boundary = getMultipartBoundary(type)
  if (!boundary) throw new Refusal(400, 'the form names no boundary in its Content-Type')
  const images: SentImage[] = []
  let parts = 0
  try {
    const bounds = { boundary, maxFileSize: bodyBytes, maxTotalSize: bodyBytes, maxParts: 4 * most }
    for (const part of parseMultipart(body, bounds)) {
      parts++
      if (part.name !== 'image')
        throw new Refusal(400, `the form has a field '${part.name ?? ''}'; images stand under 'image'`)
      if (images.length > most) break
      // A copy of its own: the whole body would go to another thread with each of its parts
      images.push({ name: part.filename || String(parts), bytes: part.bytes.slice() })
    }
  } catch (error) {
    if (error instanceof Refusal) throw error
    if (error instanceof MultipartParseError || error instanceof TypeError)
      throw new Refusal(400, `the form is damaged: ${error.message}`)
    throw error
  }
  return images
}

function jsonImages(body: Uint8Array): SentImage[] {
  let content: unknown
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw new Refusal(400, 'the body is no JSON')
  }
  const checked = imagesBody.safeParse(content)
  if (!checked.success)
    throw new Refusal(400, `the body must be {"images": ["…base64…"]}: ${checked.error.issues[0]?.message}`)
  return checked.data.images.map((text, i) => ({ name: String(i + 1), bytes: base64(text, i + 1) }))
}

/** @param text base64, also as a `data:` URL, with or without line breaks */
function base64(text: string, number: number): Uint8Array {
  const content = (text.startsWith('data:') ? text.slice(text.indexOf(',') + 1) : text).replace(/\s+/g, '')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(content)) throw new Refusal(400, `image ${number} is no base64`)
  return new Uint8Array(Buffer.from(content, 'base64'))
}
