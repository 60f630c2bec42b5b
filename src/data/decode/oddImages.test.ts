/** The table of odd images: each as a real file, and what becomes of it. docs/data.md says the same to people. */
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import sharp, { type Color, type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { crc32 } from '../../base/crc32.js'
import { withSize } from '../../base/preprocessing.js'
import { type Audit, audit, type Oddity } from '../checks/audit.js'
import { checkImages } from '../checks/check.js'
import { imagenet, jpeg, picture, temporaryFolder, writeFiles } from '../fixtures.testing.js'
import { imageFolder } from '../folders/imageFolder.js'
import { createLoader } from '../loader/loader.js'
import { split } from '../split/split.js'
import { decodeFile } from './decode.js'
import { tiff } from './tiff.testing.js'

process.env.REGRAFT_CACHE = await temporaryFolder()

const colourful = (width = 64, height = 48) => picture(width, height)
const solid = (background: Color, channels: 3 | 4 = 3) =>
  sharp({ create: { width: 64, height: 48, channels, background } })
const twoFrames = async () =>
  sharp([await solid('#c02010').png().toBuffer(), await solid('#1020c0').png().toBuffer()], {
    join: { animated: true },
  })
const shorter = async (image: Sharp) => {
  const file = await image.toBuffer()
  return file.subarray(0, file.length * 0.7)
}
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="64" height="48"/></svg>'

async function pixelBomb(): Promise<Buffer> {
  const bomb = await solid('#fff').png().toBuffer()
  bomb.writeUInt32BE(60_000, 16)
  bomb.writeUInt32BE(60_000, 20)
  bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29)
  return bomb
}

const rising = Array.from({ length: 64 * 48 }, (_, i) => i / (64 * 48 - 1))
const shares = tiff([64, 48, 1], 32, 'float', 1, new Uint8Array(Float32Array.from(rising).buffer))
const inTwelve = new Uint8Array(Uint16Array.from(rising, share => 4095 * share).buffer)
const twelveBits = tiff([64, 48, 1], 16, 'unsigned', 1, inTwelve)
const lab = tiff([1, 1, 3], 8, 'unsigned', 8, Uint8Array.of(1, 2, 3))

/** Files that training uses: the size of what it sees, and what an audit calls them. */
const used: readonly (readonly [name: string, file: Uint8Array | string, size: string, kinds: readonly Oddity[]])[] = [
  ['plain.jpg', await colourful().jpeg().toBuffer(), '64 x 48', []],
  ['progressive.jpg', await colourful().jpeg({ progressive: true }).toBuffer(), '64 x 48', []],
  ['one-pixel.png', await picture(1, 1).png().toBuffer(), '1 x 1', ['tiny']],
  ['strip.jpg', await colourful(400, 40).jpeg().toBuffer(), '400 x 40', ['elongated']],
  ['large.jpg', await colourful(6000, 4200).jpeg().toBuffer(), '6000 x 4200', ['huge']],
  ['animated.gif', await (await twoFrames()).gif().toBuffer(), '64 x 48', ['frames', 'palette']],
  ['animated.webp', await (await twoFrames()).webp().toBuffer(), '64 x 48', ['frames']],
  ['pages.tiff', await (await twoFrames()).tiff().toBuffer(), '64 x 48', ['frames']],
  ['cmyk.jpg', await colourful().toColourspace('cmyk').jpeg().toBuffer(), '64 x 48', ['cmyk']],
  ['deep.png', await colourful().toColourspace('rgb16').png().toBuffer(), '64 x 48', ['deep']],
  ['shares.tiff', shares, '64 x 48', ['deep', 'gray']],
  ['twelve-bits.tiff', twelveBits, '64 x 48', ['deep', 'faint', 'gray']],
  ['palette.png', await colourful().png({ palette: true }).toBuffer(), '64 x 48', ['palette']],
  ['alpha.png', await solid({ r: 200, g: 30, b: 20, alpha: 0.5 }, 4).png().toBuffer(), '64 x 48', ['alpha']],
  ['gray.jpg', await colourful().grayscale().jpeg().toBuffer(), '64 x 48', ['gray']],
  ['gray-in-colours.png', await solid('#808080').png().toBuffer(), '64 x 48', ['gray']],
  ['really-a-png.jpg', await colourful().png().toBuffer(), '64 x 48', ['wrongExtension']],
  ['no-extension', await jpeg(0, 64, 48), '64 x 48', []],
  ['turned.jpg', await colourful().withMetadata({ orientation: 6 }).jpeg().toBuffer(), '48 x 64', ['turned']],
  ['猫.jpg', await jpeg(1, 64, 48), '64 x 48', []],
  ['قطة.jpg', await jpeg(2, 64, 48), '64 x 48', []],
  ['🐈‍⬛.jpg', await jpeg(3, 64, 48), '64 x 48', []],
  ['e\u0301 decomposed, "quoted" [page=2].jpg', await jpeg(4, 64, 48), '64 x 48', []],
  ['folders/in/folders.jpg', await jpeg(5, 64, 48), '64 x 48', []],
]

/** Files that stop the training with this reason, or are left out by --skip-bad-images. */
const bad: readonly (readonly [name: string, file: Uint8Array | string, reason: string])[] = [
  ['empty.jpg', '', 'empty file'],
  ['text.jpg', 'no image at all', 'not a known image format'],
  ['page.jpg', '<!DOCTYPE html><title>404</title>', 'a web page, not an image'],
  ['drawing.jpg', svg, 'not a known image format'],
  ['cut.jpg', await shorter(colourful(200, 150).jpeg()), 'truncated JPEG'],
  ['cut.png', await shorter(colourful(200, 150).png()), 'truncated PNG'],
  ['cut.webp', await shorter(colourful(200, 150).webp()), 'truncated WebP'],
  ['lab.tiff', lab, 'CIELAB TIFFs are not read; save it as RGB or gray, of 8 or 16 bits'],
  ['bomb.png', await pixelBomb(), 'more than 100 million pixels'],
]

/** Files that are passed over and counted. */
const ignored: readonly (readonly [name: string, file: string])[] = [
  ['notes.txt', 'about'],
  ['Thumbs.db', 'not an image'],
  ['drawing.svg', svg],
]

const root = await temporaryFolder()
await writeFiles(root, {
  ...Object.fromEntries(used.map(([name, file]) => [`odd/${name}`, file])),
  ...Object.fromEntries(bad.map(([name, file]) => [`odd/${name}`, file])),
  ...Object.fromEntries(ignored.map(([name, file]) => [`odd/${name}`, file])),
  'odd/.hidden.jpg': await jpeg(),
  'odd/.folder/hidden.jpg': await jpeg(),
  'ordinary/1.jpg': await jpeg(8, 64, 48),
})
const data = await imageFolder(root)
const found: Audit = await audit(data, { split: groups => split(data, { seed: 0, groups }), threads: 2 })

describe('is used', () => {
  test.each(used)('%s', async (name, _, size, kinds) => {
    const index = data.samples.findIndex(({ path }) => path === `odd/${name}`)
    const { width, height } = await decodeFile(join(root, 'odd', name))
    expect(`${width} x ${height}`).toBe(size)
    expect(Object.entries(found.odd).flatMap(([kind, of]) => (of.includes(index) ? [kind] : []))).toEqual([...kinds])
  })

  test('every EXIF orientation: the same picture comes out upright', async () => {
    const upright = await solid('#0000ff')
      .composite([{ input: await sharp(Buffer.from(svg)).resize(16, 12).png().toBuffer(), left: 0, top: 0 }])
      .png()
      .toBuffer()
    // How an upright picture is to be stored for each orientation: turned clockwise, after mirroring
    const stored: readonly (readonly [angle: number, mirrored: boolean])[] = [
      [0, false],
      [0, true],
      [180, false],
      [180, true],
      [270, true],
      [270, false],
      [90, true],
      [90, false],
    ]
    for (let orientation = 1; orientation <= 8; orientation++) {
      const [angle, mirrored] = stored[orientation - 1]!
      let image = sharp(upright)
      if (mirrored) image = sharp(await image.flop().png().toBuffer())
      const file = await image.rotate(angle).withMetadata({ orientation }).png().toBuffer()
      await writeFiles(root, { [`.turned/${orientation}.png`]: file })
      const { width, height, pixels } = await decodeFile(join(root, '.turned', `${orientation}.png`))
      expect([orientation, width, height, pixels[2], pixels[(width - 1) * 3 + 2]]).toEqual([
        orientation,
        64,
        48,
        0,
        255,
      ])
    }
  })
})

describe('is bad', () => {
  test.each(bad)('%s', (name, _, reason) => {
    expect(found.bad.find(({ path }) => path === `odd/${name}`)?.reason).toBe(reason)
  })

  test('all of these stop the training, or are left out', async () => {
    const loader = createLoader(data, { preprocessing: withSize(imagenet, 32), threads: 2 })
    const parts = { train: [...data.samples.keys()], val: [], test: [] }
    try {
      await expect(checkImages(loader, parts)).rejects.toThrow(
        `${bad.length} images cannot be decoded; remove them or pass --skip-bad-images:\n  odd/bomb.png (more than 100 million pixels)`,
      )
      const rest = await checkImages(loader, parts, { skipBad: true })
      expect(rest.bad.map(({ path }) => path).sort()).toEqual(bad.map(([name]) => `odd/${name}`).sort())
      expect(rest.split.train.length).toBe(used.length + 1)
    } finally {
      await loader.close()
    }
  })
})

test('16 bits of which 12 are used are warned of, before they are cached', async () => {
  const loader = createLoader(data, { preprocessing: withSize(imagenet, 32), threads: 1 })
  const train = [...data.samples.keys()].filter(index => data.samples[index]!.path.endsWith('.tiff'))
  try {
    const { warnings } = await checkImages(loader, { train, val: [], test: [] }, { skipBad: true })
    expect(warnings).toEqual([
      expect.stringMatching(/^1 of 4 images has 16 bits a channel and less than a quarter.*\(odd\/twelve-bits\.tiff\)/),
    ])
  } finally {
    await loader.close()
  }
})

test('is ignored and counted: other files; hidden ones are not even counted', () => {
  const names = data.samples.map(({ path }) => path)
  for (const [name] of ignored) expect(names).not.toContain(`odd/${name}`)
  expect(found.ignored).toBe(ignored.length)
  expect(names.filter(name => name.includes('hidden'))).toEqual([])
})

describe('folders', async () => {
  const image = await jpeg()
  const refusal = (root: string) => imageFolder(root).then(String, (error: Error) => error.message)

  test('an empty class is named', async () => {
    const root = await temporaryFolder()
    await writeFiles(root, { 'a/1.jpg': image })
    await mkdir(join(root, 'b'))
    expect(await refusal(root)).toBe('class b has no images; add some or pass --exclude b')
  })

  test('an empty class and damaged images are told together', async () => {
    const root = await temporaryFolder()
    await writeFiles(root, { 'a/1.jpg': image, 'a/2.jpg': '', 'b/1.jpg': image, 'b/2.jpg': 'text', 'c/notes.txt': 'x' })
    const data = await imageFolder(root, { keepFaults: true })
    const loader = createLoader(data, { preprocessing: withSize(imagenet, 32), threads: 1 })
    const parts = { train: [...data.samples.keys()], val: [], test: [] }
    const message = (skipBad: boolean) =>
      checkImages(loader, parts, { skipBad }).then(String, (error: Error) => error.message)
    try {
      const empty =
        'class c has no images that can be read among its 1 file; convert them to JPEG or PNG, or pass --exclude c'
      expect(await message(false)).toBe(
        `3 things are wrong with ${root}:\n  ${empty}\n  a/2.jpg cannot be decoded (empty file)\n  b/2.jpg cannot be decoded (not a known image format)\nRemove images that cannot be decoded, or pass --skip-bad-images.`,
      )
      expect(await message(true)).toBe(empty)
    } finally {
      await loader.close()
    }
  })

  test('a class with files of other formats says so', async () => {
    const root = await temporaryFolder()
    await writeFiles(root, { 'a/1.jpg': image, 'b/1.JXL': '\xff\x0a', 'b/2.tga': '\0\0' })
    expect(await refusal(root)).toBe(
      'class b has no images that can be read among its 2 files; convert them to JPEG or PNG, or pass --exclude b',
    )
  })

  test('a class with one image trains with it', async () => {
    const root = await temporaryFolder()
    await writeFiles(root, { 'a/1.jpg': image, 'b/1.jpg': image, 'b/2.jpg': image, 'b/3.jpg': image })
    const { train, val } = split(await imageFolder(root), { seed: 0 })
    expect([train.includes(0), val.length]).toEqual([true, 1])
  })

  test('links are followed, out of the folder too; circles and dead ends are not', async () => {
    const [root, outside] = [await temporaryFolder(), await temporaryFolder()]
    await writeFiles(root, { 'a/1.jpg': image, 'b/1.jpg': image })
    await writeFiles(outside, { 'more/1.jpg': image })
    await symlink(join(outside, 'more'), join(root, 'a/more'))
    await symlink(join(outside, 'more/1.jpg'), join(root, 'a/one.jpg'))
    await symlink(join(root, 'a'), join(root, 'a/circle'))
    await symlink('self.jpg', join(root, 'a/self.jpg'))
    await symlink(join(root, 'nowhere.jpg'), join(root, 'b/broken.jpg'))
    expect((await imageFolder(root)).samples.map(({ path }) => path)).toEqual([
      'a/1.jpg',
      'a/more/1.jpg',
      'a/one.jpg',
      'b/1.jpg',
    ])
  })
})
