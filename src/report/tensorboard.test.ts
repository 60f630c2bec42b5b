import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import { appendImage, appendScalars, crc32c } from './tensorboard.js'

const run = await mkdtemp(join(tmpdir(), 'regraft-tensorboard-'))
afterAll(() => rm(run, { recursive: true }))

describe('TensorBoard event files', () => {
  it('uses the standard checksum', () => {
    // RFC 3720, B.4: 32 bytes of zeros, and the ascending bytes 0 to 31.
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
  })

  it('holds a version, one record an epoch, and figures', async () => {
    const metrics = { images: 4, loss: 0.5, top1: 0.75, top5: 1, meanPerClass: 0.7 }
    await appendScalars(run, {
      epoch: 1,
      lrBackbone: 1e-3,
      lrHead: 1e-2,
      seconds: 1,
      imagesPerSecond: 9,
      train: metrics,
      validation: metrics,
    })
    await appendImage(
      run,
      'accuracy',
      1,
      await sharp({ create: { width: 30, height: 20, channels: 3, background: 'red' } })
        .png()
        .toBuffer(),
    )
    const [name, ...others] = await readdir(run)
    expect(others).toEqual([])
    expect(name).toMatch(/^events\.out\.tfevents\.\d+\./)
    const bytes = await readFile(join(run, name as string))
    const records: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(at))
      records.push(bytes.subarray(at + 12, at + 12 + length))
      at += length + 16
    }
    expect(records).toHaveLength(3)
    expect(records[0]?.toString('latin1')).toContain('brain.Event:2')
    expect(records[1]?.toString('latin1')).toContain('top1/validation')
    expect(records[2]?.includes(Buffer.from([0x89, 0x50, 0x4e, 0x47]))).toBe(true)
  })
})
