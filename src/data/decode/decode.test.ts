/** Decoding: whatever the file, RGB bytes the right way up; or the reason why not. */
import { execFileSync } from 'node:child_process'
import sharp, { type Color } from 'sharp'
import { describe, expect, test } from 'vitest'
import { crc32 } from '../../base/crc32.js'
import { jpeg, meanDifference, picture, temporaryFolder, writeFiles } from '../fixtures.testing.js'
import { decodeFile, decodeImage, type RgbImage } from './decode.js'

const pixel = (image: RgbImage, x: number, y: number) => [
  ...image.pixels.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3),
]

const solid = (background: Color, width = 8, height = 6, channels: 3 | 4 = 3) =>
  sharp({ create: { width, height, channels, background } })

describe('formats', async () => {
  const original = await picture(61, 43).raw().toBuffer()
  const encoders = {
    jpeg: picture(61, 43).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }),
    'progressive jpeg': picture(61, 43).jpeg({ quality: 95, progressive: true }),
    png: picture(61, 43).png(),
    'palette png': picture(61, 43).png({ palette: true }),
    webp: picture(61, 43).webp({ lossless: true }),
    gif: picture(61, 43).gif(),
    tiff: picture(61, 43).tiff({ compression: 'lzw' }),
    avif: picture(61, 43).avif({ quality: 90 }),
  }
  for (const [name, encoder] of Object.entries(encoders)) {
    test(name, async () => {
      const image = await decodeImage(await encoder.toBuffer())
      expect([image.width, image.height]).toEqual([61, 43])
      expect(meanDifference(image.pixels, original)).toBeLessThan(name.includes('p') && name !== 'png' ? 6 : 8)
    })
  }
})

describe('kinds of pixels', () => {
  test('EXIF orientation is applied: 6 turns the left side up', async () => {
    const left = await solid('#ff0000', 8, 16).png().toBuffer()
    const file = solid('#0000ff', 16, 16).composite([{ input: left, left: 0, top: 0 }])
    const turned = await decodeImage(await file.withMetadata({ orientation: 6 }).png().toBuffer())
    expect(pixel(turned, 0, 0)).toEqual([255, 0, 0])
    expect(pixel(turned, 15, 0)).toEqual([255, 0, 0])
    expect(pixel(turned, 0, 15)).toEqual([0, 0, 255])
  })

  test('EXIF orientation swaps width and height', async () => {
    const file = await picture(40, 30).withMetadata({ orientation: 8 }).jpeg().toBuffer()
    expect(await decodeImage(file)).toMatchObject({ width: 30, height: 40 })
  })

  test('alpha is flattened on white', async () => {
    const half = await decodeImage(await solid({ r: 0, g: 0, b: 0, alpha: 0.5 }, 8, 6, 4).png().toBuffer())
    for (const value of pixel(half, 3, 3)) expect(Math.abs(value - 127)).toBeLessThanOrEqual(1)
    const grayWithAlpha = await solid({ r: 9, g: 9, b: 9, alpha: 0.01 }, 8, 6, 4).toColourspace('b-w').png().toBuffer()
    for (const value of pixel(await decodeImage(grayWithAlpha), 0, 0)) expect(value).toBeGreaterThan(250)
  })

  test('grayscale becomes three equal channels', async () => {
    for (const file of [
      await picture(20, 10).grayscale().jpeg().toBuffer(),
      await picture(20, 10).grayscale().png().toBuffer(),
    ]) {
      const { pixels } = await decodeImage(file)
      expect(pixels.length).toBe(20 * 10 * 3)
      for (let i = 0; i < pixels.length; i += 3) {
        expect([pixels[i + 1], pixels[i + 2]]).toEqual([pixels[i], pixels[i]])
      }
    }
  })

  test('16 bits become 8', async () => {
    const samples = new Uint16Array(4 * 4 * 3).fill(0x4080)
    const color = sharp(samples, { raw: { width: 4, height: 4, channels: 3 } }).toColourspace('rgb16')
    expect(pixel(await decodeImage(await color.png().toBuffer()), 1, 1)).toEqual([64, 64, 64])
    const gray = sharp(samples.subarray(16), { raw: { width: 4, height: 8, channels: 1 } }).toColourspace('grey16')
    const [value] = pixel(await decodeImage(await gray.png().toBuffer()), 1, 1)
    expect(Math.abs(value! - 64)).toBeLessThanOrEqual(1)
  })

  test('CMYK becomes RGB', async () => {
    const file = await solid('#2080c0').toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer()
    expect((await sharp(file).metadata()).space).toBe('cmyk')
    const [r, g, b] = pixel(await decodeImage(file), 4, 4)
    expect(Math.abs(r! - 0x20)).toBeLessThan(40)
    expect(Math.abs(g! - 0x80)).toBeLessThan(40)
    expect(Math.abs(b! - 0xc0)).toBeLessThan(40)
  })

  test('colour profiles are ignored: the stored bytes are what counts', async () => {
    const file = await solid('#ff0000').withIccProfile('p3').png().toBuffer()
    expect((await sharp(file).metadata()).hasProfile).toBe(true)
    expect(pixel(await decodeImage(file), 0, 0)[0]).toBeLessThan(245)
  })

  test('the first frame of an animation', async () => {
    const frames = [await solid('#ff0000').png().toBuffer(), await solid('#0000ff').png().toBuffer()]
    const file = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer()
    const image = await decodeImage(file)
    expect([image.width, image.height]).toEqual([8, 6])
    expect(pixel(image, 0, 0)).toEqual([255, 0, 0])
  })

  test('one pixel', async () => {
    expect(await decodeImage(await solid('#102030', 1, 1).png().toBuffer())).toMatchObject({ width: 1, height: 1 })
  })
})

describe('refuses, with the reason', () => {
  const refusal = (bytes: Uint8Array) =>
    decodeImage(bytes).then(
      () => 'decoded',
      (error: Error) => error.message,
    )

  test('truncated files, even if only the end is missing', async () => {
    const files = {
      JPEG: await jpeg(0, 200, 300),
      PNG: await picture(200, 300).png().toBuffer(),
      WebP: await picture(200, 300).webp({ lossless: true }).toBuffer(),
      GIF: await picture(200, 300).gif().toBuffer(),
      TIFF: await picture(200, 300).tiff({ compression: 'none' }).toBuffer(),
      AVIF: await picture(200, 300).avif().toBuffer(),
    }
    for (const [format, file] of Object.entries(files)) {
      for (const share of [0.5, 0.9]) {
        const message = await refusal(file.subarray(0, file.length * share))
        expect(message, `${format} ${share}`).toMatch(new RegExp(`^(truncated|damaged) ${format}`))
      }
    }
    expect(await refusal(files.JPEG.subarray(0, files.JPEG.length - 40))).toBe('truncated JPEG')
    expect(await refusal(files.PNG.subarray(0, 2000))).toBe('truncated PNG')
  })

  test('what is no image', async () => {
    expect(await refusal(Buffer.from('<!DOCTYPE html><title>404</title>'))).toBe('a web page, not an image')
    expect(await refusal(Buffer.from('hello'))).toBe('not a known image format')
    expect(await refusal(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))).toBe(
      'not a known image format',
    )
    expect(await refusal(Buffer.alloc(0))).toBe('empty file')
  })

  test('a pixel bomb, before it is decoded', async () => {
    const small = await solid('#ffffff', 1, 1).png().toBuffer()
    const bomb = Buffer.from(small)
    bomb.writeUInt32BE(60_000, 16)
    bomb.writeUInt32BE(60_000, 20)
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29)
    expect(await refusal(bomb)).toBe('more than 100 million pixels')
  })

  test('a file that is not there', async () => {
    await expect(decodeFile('/no/such/file.jpg')).rejects.toThrow('the file is not there')
  })

  test.skipIf(process.platform === 'win32')('a pipe, a device and a folder, without waiting for them', async () => {
    const root = await temporaryFolder()
    execFileSync('mkfifo', [`${root}/pipe.jpg`])
    for (const path of [`${root}/pipe.jpg`, '/dev/zero', root])
      await expect(decodeFile(path)).rejects.toThrow('it is no file')
  })
})

test('reads a file whose name looks like options', async () => {
  const root = await temporaryFolder()
  await writeFiles(root, { 'a[page=3].jpg': await jpeg() })
  expect(await decodeFile(`${root}/a[page=3].jpg`)).toMatchObject({ width: 40, height: 30 })
})
