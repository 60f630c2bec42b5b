/** What is written for PyTorch is read back bit for bit, and PyTorch itself loads it without executing anything. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { pythonWith } from '../base/python.testing.js'
import { readWeights, writePyTorch } from './index.js'

const python = pythonWith('torch')
const at = temporaryFolder()
const tensors = new Map([
  ['conv.weight', { shape: [2, 3, 1, 2], values: Float32Array.from({ length: 12 }, (_, i) => Math.fround(i / 7)) }],
  ['Käfer.bias', { shape: [3], values: Float32Array.of(-0, Number.MIN_VALUE, 3e38) }],
  ['scalar', { shape: [], values: Float32Array.of(1.5) }],
])

it('reads back what it wrote, in the same order and to the same bits', async () => {
  await writePyTorch(at('a.pth'), tensors)
  const { tensors: read } = await readWeights(at('a.pth'))
  expect([...read.keys()]).toEqual([...tensors.keys()])
  for (const [name, { shape, values }] of tensors) expect(read.get(name)).toEqual({ shape, values })
})

it('reads back what the file says of itself, and nothing of what is no text', async () => {
  await writePyTorch(at('said.pth'), tensors, { network: 'resnet50', classes: '["Käfer"]' })
  expect((await readWeights(at('said.pth'))).metadata).toEqual({ network: 'resnet50', classes: '["Käfer"]' })
  await writePyTorch(at('other.pth'), tensors, { network: [3] } as unknown as Record<string, string>)
  expect((await readWeights(at('other.pth'))).metadata).toEqual({})
})

it('writes the same bytes again, with numbers where a reader may map them', async () => {
  await writePyTorch(at('a.pth'), tensors)
  await writePyTorch(at('b.pth'), tensors)
  const bytes = await readFile(at('a.pth'))
  expect(bytes.equals(await readFile(at('b.pth')))).toBe(true)
  const first = new Uint8Array((tensors.get('conv.weight') as { values: Float32Array }).values.buffer)
  expect(bytes.indexOf(first) % 64).toBe(0)
})

it.skipIf(!python)('is loaded by torch.load (skipped: needs REGRAFT_PEER_PYTHON)', async () => {
  await writePyTorch(at('a.pth'), tensors, { network: 'resnet50' })
  const program = `
import sys, torch
state = torch.load(sys.argv[1], weights_only=True, mmap=True)
print([(k, list(v.shape), v.dtype is torch.float32, v.flatten()[:2].tolist()) for k, v in state.items()])`
  const { stdout } = await promisify(execFile)(python as string, ['-c', program, at('a.pth')])
  expect(stdout.trim()).toBe(
    "[('conv.weight', [2, 3, 1, 2], True, [0.0, 0.1428571492433548]), ('Käfer.bias', [3], True, [-0.0, 0.0]), ('scalar', [], True, [1.5])]",
  )
})
