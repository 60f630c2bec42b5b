/** TensorBoard event files: a run's metrics, epoch by epoch, and its figures as images. */
import { existsSync } from 'node:fs'
import { appendFile, readdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import { writing } from '../base/files.js'
import type { EpochRecord, Listener } from '../training/index.js'

/** The part of TensorFlow's event.proto and summary.proto that is written here. */
const schema = protobuf.Root.fromJSON({
  nested: {
    Image: {
      fields: {
        height: { type: 'int32', id: 1 },
        width: { type: 'int32', id: 2 },
        colorspace: { type: 'int32', id: 3 },
        encodedImageString: { type: 'bytes', id: 4 },
      },
    },
    Value: {
      fields: {
        tag: { type: 'string', id: 1 },
        simpleValue: { type: 'float', id: 2 },
        image: { type: 'Image', id: 4 },
      },
    },
    Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
    Event: {
      fields: {
        wallTime: { type: 'double', id: 1 },
        step: { type: 'int64', id: 2 },
        fileVersion: { type: 'string', id: 3 },
        summary: { type: 'Summary', id: 5 },
      },
    },
  },
})
const Event = schema.lookupType('Event')

/** CRC-32C (Castagnoli), which the record format uses. */
const table = new Uint32Array(256).map((_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
  return c
})
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = table[(crc ^ byte) & 255]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** TensorFlow masks a checksum, so that the checksum of data that holds checksums is no trap. */
const masked = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** One record: length, its checksum, the data, its checksum; little-endian. */
function record(data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(data.length + 16)
  bytes.writeBigUInt64LE(BigInt(data.length), 0)
  bytes.writeUInt32LE(masked(bytes.subarray(0, 8)), 8)
  bytes.set(data, 12)
  bytes.writeUInt32LE(masked(data), data.length + 12)
  return bytes
}

interface Value {
  readonly tag: string
  readonly simpleValue?: number
  readonly image?: {
    readonly height: number
    readonly width: number
    readonly colorspace: 3
    readonly encodedImageString: Uint8Array
  }
}

const event = (step: number, values: readonly Value[]): Uint8Array =>
  record(Event.encode(Event.create({ wallTime: Date.now() / 1000, step, summary: { value: values } })).finish())

/** The run's event file; a new one starts with the format's version. */
async function eventFile(run: string): Promise<string> {
  const found = existsSync(run) ? (await readdir(run)).find(name => name.startsWith('events.out.tfevents.')) : undefined
  if (found) return join(run, found)
  const path = join(run, `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${hostname()}`)
  await appendFile(
    path,
    record(Event.encode(Event.create({ wallTime: Date.now() / 1000, fileVersion: 'brain.Event:2' })).finish()),
  )
  return path
}

/** Appends one epoch's rates, losses and accuracies (fractions). */
export async function appendScalars(
  run: string,
  { epoch, lrBackbone, lrHead, imagesPerSecond, train, validation }: EpochRecord,
): Promise<void> {
  const scalars: Record<string, number> = {
    'learning rate/backbone': lrBackbone,
    'learning rate/head': lrHead,
    'images per second': imagesPerSecond,
  }
  for (const [part, metrics] of Object.entries({ train, validation }))
    if (metrics)
      for (const name of ['loss', 'top1', 'top5', 'meanPerClass'] as const) scalars[`${name}/${part}`] = metrics[name]
  const values = Object.entries(scalars).map(([tag, simpleValue]) => ({ tag, simpleValue }))
  await appendFile(await eventFile(run), event(epoch, values))
}

/** Appends a PNG as an image. */
export async function appendImage(run: string, tag: string, step: number, png: Uint8Array): Promise<void> {
  const size = new DataView(png.buffer, png.byteOffset)
  const image = {
    width: size.getUint32(16),
    height: size.getUint32(20),
    colorspace: 3,
    encodedImageString: png,
  } as const
  await appendFile(await eventFile(run), event(step, [{ tag, image }]))
}

/** A listener that writes every epoch into the run's event file, and what to wait for in the end. */
export function tensorboard(): { readonly listen: Listener; readonly written: () => Promise<void> } {
  let run = ''
  let last = Promise.resolve()
  let failure: unknown
  const append = (record: EpochRecord) => () => writing(run, () => appendScalars(run, record))
  return {
    listen: event => {
      if (event.type === 'plan') run = event.run
      else if (event.type === 'epoch')
        last = last.then(append(event.record)).catch(error => {
          failure = error
        })
    },
    written: async () => {
      await last
      if (failure) throw failure
    },
  }
}
