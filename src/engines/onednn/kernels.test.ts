import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { nativeAddon } from './native.js'

/** A convolution of 64 channels at stride 2, which Winograd's method is nothing for. */
const compiles = `
  const { GraphBuilder } = await import('${import.meta.resolve('../../graph/index.js')}')
  const { onednnEngine } = await import('${import.meta.resolve('./index.js')}')
  const builder = new GraphBuilder('one')
  const inputs = [builder.declare('x', 'input', [2, 64, 56, 56]), builder.declare('w', 'parameter', [64, 64, 3, 3])]
  const attributes = { stride: [2, 2], padding: [1, 1, 1, 1], groups: 1, activation: 'none' }
  const program = await onednnEngine.compile(builder.build([builder.one('conv2d', 'y', inputs, attributes)])).catch(error => error)
  console.log(program instanceof Error ? program.message : 'compiled')
  process.exit()`

const addon = nativeAddon()
describe.skipIf(typeof addon === 'string')('what oneDNN would compute by a reference loop', () => {
  // For blocks of eight channels even the oldest instructions have kernels.
  it.skipIf(typeof addon === 'string' || addon.channelBlock !== 16).each([
    ['SSE41', "on this CPU oneDNN has only a slow loop for conv2d 'y'; use --engine onnxruntime"],
    ['ALL', 'compiled'],
  ])('is refused when a plan is made: instructions up to %s', (limit, outcome) => {
    const environment = { ...process.env, ONEDNN_MAX_CPU_ISA: limit }
    const said = execFileSync(process.execPath, ['--input-type=module', '--eval', compiles], { env: environment })
    expect(said.toString()).toContain(outcome)
  })
})
if (typeof addon === 'string')
  describe('what oneDNN would compute by a reference loop', () =>
    it.skip(`skipped: needs the native engine (${addon})`, () => {}))
