/** HEIC, BMP, PGM and PPM files give the pixels that a JPEG or PNG of the same picture gives, or say in words why not. */
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { InspectJob, InspectReply } from '../checks/inspectJob.js'
import type { DuplicateJob, DuplicateReply } from '../duplicates/duplicateJob.js'
import { meanDifference, picture, temporaryFolder, writeFiles } from '../fixtures.testing.js'
import { imageFolder } from '../folders/imageFolder.js'
import { createWorkerPool } from '../loader/workerPool.js'
import { decodeFile, decodeImage, TooManyPixels } from './decode.js'
import { turnedHeic } from './heic.testing.js'
import { type GrayBytes, readThumbnail } from './thumbnail.js'

const hasImageMagick = (() => {
  try {
    return execFileSync('convert', ['-version'], { stdio: 'pipe' }).includes('ImageMagick')
  } catch {
    return false
  }
})()

/** A BMP file with a header of 40 bytes and rows as they are given. */
function bmp(
  width: number,
  height: number,
  bits: number,
  rows: readonly (readonly number[])[],
  palette: readonly number[] = [],
  compression = 0,
): Buffer {
  const head = Buffer.alloc(54)
  head.write('BM', 'latin1')
  head.writeUInt32LE(54 + palette.length, 10)
  head.writeUInt32LE(40, 14)
  head.writeInt32LE(width, 18)
  head.writeInt32LE(height, 22)
  head.writeUInt16LE(1, 26)
  head.writeUInt16LE(bits, 28)
  head.writeUInt32LE(compression, 30)
  head.writeUInt32LE(palette.length / 4, 46)
  const padded = rows.map(row => [...row, ...Array(-row.length & 3).fill(0)])
  return Buffer.concat([head, Buffer.from(palette), Buffer.from(padded.flat())])
}

const [red, green, blue] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
] as const
const pixelsOf = async (bytes: Uint8Array) => {
  const { width, height, pixels } = await decodeImage(bytes)
  return { width, height, pixels: [...pixels] }
}

describe('HEIC', () => {
  it('is upright, turned once although both irot and EXIF say so', async () => {
    const { width, height, pixels } = await decodeImage(turnedHeic)
    expect([width, height]).toEqual([80, 120])
    const at = (x: number, y: number) => [...pixels.subarray((y * 80 + x) * 3, (y * 80 + x) * 3 + 3)]
    const near = (x: number, y: number, colour: readonly number[]) =>
      expect(Math.max(...at(x, y).map((value, c) => Math.abs(value - colour[c]!)))).toBeLessThan(20)
    near(20, 30, [0x20, 0x30, 0xd0])
    near(60, 30, [0xd0, 0x20, 0x20])
    near(20, 90, [0xe0, 0xe0, 0x20])
    near(60, 90, [0x20, 0xc0, 0x30])
  })

  it('is refused before it is decoded where it has too many pixels, and in words where it is damaged', async () => {
    await expect(decodeImage(turnedHeic, 9_599)).rejects.toThrow(TooManyPixels)
    await expect(decodeImage(turnedHeic.subarray(0, 300))).rejects.toThrow(/^(truncated|damaged) HEIC/)
    for (let at = 12; at < turnedHeic.length; at += 7) {
      const damaged = Buffer.from(turnedHeic)
      damaged[at] = damaged[at]! ^ 0xff
      const outcome = await decodeImage(damaged).then(
        ({ pixels }) => typeof pixels.length,
        error => (error instanceof Error ? error.message : 'no error'),
      )
      expect(outcome).toMatch(/^number$|HEIC|not a known image format|million pixels|AVIF/)
    }
    expect((await decodeImage(turnedHeic)).width).toBe(80)
  })

  it('is found in a class folder, audited and made small as others are', async () => {
    const root = await temporaryFolder()
    const jpeg = await picture(40, 30).jpeg().toBuffer()
    await writeFiles(root, { 'a/IMG_1.HEIC': turnedHeic, 'a/named.jpg': turnedHeic, 'b/1.jpg': jpeg })
    const data = await imageFolder(root)
    expect(data.samples.map(({ path }) => path)).toEqual(['a/IMG_1.HEIC', 'a/named.jpg', 'b/1.jpg'])
    expect(data.warnings).toEqual([])
    const { gray } = await readThumbnail(join(root, 'a/IMG_1.HEIC'), 24)
    expect([gray.width, gray.height]).toEqual([4, 6])
    const script = new URL('../checks/inspectWorker.js', import.meta.url)
    const pool = createWorkerPool<InspectJob, InspectReply>(script, 1, undefined)
    const reply = await pool.run({ path: join(root, 'a/IMG_1.HEIC') })
    await pool.close()
    expect(reply).toMatchObject({ facts: { format: 'HEIC', width: 80, height: 120, turned: true, gray: false } })
  })

  it('is decoded once by an audit: the picture that was looked at is described, and as the file would be', async () => {
    const root = await temporaryFolder()
    await writeFiles(root, { '1.heic': turnedHeic, 'gone.heic': 'no image any more' })
    const [path, gone] = [join(root, '1.heic'), join(root, 'gone.heic')]
    const inspecting = createWorkerPool<InspectJob, InspectReply>(
      new URL('../checks/inspectWorker.js', import.meta.url),
      1,
      undefined,
    )
    const inspected = await inspecting.run({ path })
    await inspecting.close()
    const picture = 'facts' in inspected ? inspected.picture : undefined
    expect(picture).toMatchObject({ width: 80, height: 120 })
    const describing = createWorkerPool<DuplicateJob, DuplicateReply>(
      new URL('../duplicates/duplicateWorker.js', import.meta.url),
      1,
      undefined,
    )
    const described = async (path: string, picture?: GrayBytes) =>
      (await describing.run({ task: 'describe', path, crops: true, picture })).signature
    const ofFile = await described(path)
    expect(ofFile?.hashes).toBeDefined()
    expect(await described(path, picture)).toEqual(ofFile)
    expect(await described(gone, picture)).toEqual({ ...ofFile, digest: expect.any(String) })
    expect(await described(gone)).toBeUndefined()
    await describing.close()
  })
})

describe('BMP', () => {
  const palette = [...[0, 0, 255, 0], ...[0, 255, 0, 0], ...[255, 0, 0, 0]]
  const expected = { width: 3, height: 2, pixels: [...red, ...green, ...blue, ...blue, ...blue, ...red] }

  it('is right with palettes of 4 and 8 bits, bottom-up and top-down', async () => {
    const eight = [
      [2, 2, 0],
      [0, 1, 2],
    ]
    expect(await pixelsOf(bmp(3, 2, 8, eight, palette))).toEqual(expected)
    expect(await pixelsOf(bmp(3, -2, 8, eight.toReversed(), palette))).toEqual(expected)
    const four = [
      [0x22, 0],
      [0x01, 0x20],
    ]
    expect(await pixelsOf(bmp(3, 2, 4, four, palette))).toEqual(expected)
  })

  it('is right with 1, 16, 24 and 32 bits', async () => {
    const black = [0, 0, 0]
    const one = bmp(3, 1, 1, [[0b01000000]], [0, 0, 0, 0, 0, 255, 0, 0])
    expect((await pixelsOf(one)).pixels).toEqual([...black, ...green, ...black])
    const sixteen = bmp(3, 1, 16, [[0, 0x7c, 0xe0, 0x03, 0x1f, 0]])
    expect((await pixelsOf(sixteen)).pixels).toEqual([...red, ...green, ...blue])
    const full = bmp(2, 1, 24, [[0, 0, 255, 30, 20, 10]])
    expect((await pixelsOf(full)).pixels).toEqual([...red, 10, 20, 30])
    const wide = bmp(2, 1, 32, [[0, 0, 255, 0, 30, 20, 10, 0]])
    expect((await pixelsOf(wide)).pixels).toEqual([...red, 10, 20, 30])
  })

  it('says in words what it does not read, and what is wrong', async () => {
    await expect(decodeImage(bmp(3, 1, 8, [[0, 1, 2]], palette, 1))).rejects.toThrow('RLE compression, which is not')
    await expect(decodeImage(bmp(300, 100, 24, [[0]]))).rejects.toThrow('truncated BMP')
    await expect(decodeImage(bmp(2 ** 30, 2 ** 30, 24, [[0]]))).rejects.toThrow(TooManyPixels)
    await expect(decodeImage(bmp(0, 5, 24, [[0]]))).rejects.toThrow('damaged BMP: it claims 0 x 5 pixels')
    await expect(decodeImage(bmp(3, 1, 7, [[0]]))).rejects.toThrow('damaged BMP: 7 bits a pixel')
  })

  it.skipIf(!hasImageMagick)(
    'agrees with ImageMagick',
    async () => {
      const folder = await temporaryFolder()
      const png = join(folder, 'a.png')
      await picture(37, 23).png().toFile(png)
      const ways = [
        ['-type', 'bilevel'],
        ['-colors', '13'],
        ['-colors', '200', '-type', 'palette', '-compress', 'none'],
        [],
        ['-alpha', 'on'],
        ['-define', 'bmp:subtype=RGB565'],
      ]
      for (const [i, options] of ways.entries()) {
        for (const kind of ['BMP', 'BMP3']) {
          const file = join(folder, `${i}-${kind}.bmp`)
          execFileSync('convert', [png, '-depth', '8', ...options, '-compress', 'none', `${kind}:${file}`])
          const back = join(folder, 'back.png')
          execFileSync('convert', [file, '-alpha', 'off', '-depth', '8', `PNG24:${back}`])
          expect(meanDifference((await decodeFile(file)).pixels, (await decodeFile(back)).pixels)).toBeLessThan(0.5)
        }
      }
    },
    60_000,
  )
})

describe('PGM and PPM', () => {
  it('are right as text and as bytes, with remarks, 16 bits and other largest values', async () => {
    const rgb = { width: 3, height: 1, pixels: [...red, ...green, ...blue] }
    expect(await pixelsOf(Buffer.from('P3\n# made by hand\n3 1\n1\n1 0 0  0 1 0  0 0 1\n'))).toEqual(rgb)
    const bytes = Buffer.from([...red, ...green, ...blue])
    expect(await pixelsOf(Buffer.concat([Buffer.from('P6 3 1 255\n'), bytes]))).toEqual(rgb)
    const gray = { width: 2, height: 1, pixels: [0, 0, 0, 128, 128, 128] }
    expect(await pixelsOf(Buffer.from('P2 2 1 255 0 128'))).toEqual(gray)
    expect(await pixelsOf(Buffer.from('P5 2 1 65535\n\0\0\x80\x80', 'latin1'))).toEqual(gray)
  })

  it('say in words what is wrong', async () => {
    await expect(decodeImage(Buffer.from('P5 20 10 255\nabc'))).rejects.toThrow('truncated PGM')
    await expect(decodeImage(Buffer.from('P6 99999999 99999999 255\n'))).rejects.toThrow(TooManyPixels)
    await expect(decodeImage(Buffer.from('P5 2 1 70000\nabcd'))).rejects.toThrow('a largest value of 70000')
    await expect(decodeImage(Buffer.from('P2 2 1 255 7 x  '))).rejects.toThrow('a number is missing')
    await expect(decodeImage(Buffer.from('P5 is the fifth of our papers'))).rejects.toThrow('not a known image format')
  })
})

it('the WebAssembly of libheif is loaded by none but those who need it', async () => {
  const file = join(await temporaryFolder(), 'a.mjs')
  const decode = new URL('./decode.js', import.meta.url).href
  await writeFile(
    file,
    `import { createRequire } from 'node:module'; await import(${JSON.stringify(decode)}); ` +
      `console.log(Object.keys(createRequire(${JSON.stringify(fileURLToPath(import.meta.url))}).cache).filter(p => p.includes('libheif')).length)`,
  )
  expect((await readFile(file, 'utf8')).length).toBeGreaterThan(0)
  expect(execFileSync(process.execPath, [file], { encoding: 'utf8' }).trim()).toBe('0')
})
