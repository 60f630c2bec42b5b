/** Training on a GPU: a run that begins on one, and goes on without it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requestAdapter } from '../dist/engines/webgpu/gpu.js'
import { reason, support } from '../dist/engines/webgpu/here.testing.js'
import { evaluateRun, imageFolder, resume, train } from '../dist/index.js'
import { regraft, regraftHere, shapeImages, temporaryFolder } from './support.js'

const title = support.ok ? 'a run on a GPU' : `a run on a GPU (skipped: needs a GPU or Debian's chromium: ${reason})`

describe.skipIf(!support.ok)(title, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  const at = (...parts: string[]) => join(folder.path, ...parts)
  const options = {
    network: 'resnet18-narrow',
    size: 48,
    batchSize: 8,
    epochs: 4,
    lrBackbone: 0,
    lrHead: 0.1,
    seed: 3,
    groupDuplicates: 'none',
  } as const

  /** The devices that were opened, to lose them. */
  const devices: GPUDevice[] = []

  beforeAll(async () => {
    const adapters = Object.getPrototypeOf((await requestAdapter()).adapter) as GPUAdapter
    const { requestDevice } = adapters
    adapters.requestDevice = async function (this: GPUAdapter, descriptor) {
      const device = await requestDevice.call(this, descriptor)
      devices.push(device)
      return device
    }
    folder = await temporaryFolder()
    await shapeImages(at('images'), 8)
  })
  afterAll(() => folder.remove())

  it('is stopped, goes on with another engine, and ends where one that never had a GPU ends', async () => {
    const data = await imageFolder(at('images'))
    const stop = new AbortController()
    const told: string[] = []
    const onEvent = (event: { type: string; message?: string }) => {
      if (event.type === 'epoch') stop.abort()
      if (event.message) told.push(event.message)
    }
    const begun = train(data, { ...options, engine: 'webgpu', run: at('gpu') }, { onEvent, signal: stop.signal })
    await expect(begun).rejects.toMatchObject({ code: 'interrupted' })
    const finished = await resume(at('gpu'), { onEvent }, { engine: 'onnxruntime' })
    expect(told.join('\n')).toContain('the run goes on with the engine onnxruntime')
    const { environment } = JSON.parse(await readFile(at('gpu', 'config.json'), 'utf8'))
    expect(environment.library).toMatch(/^WebGPU on .+, \w+ tiles, sums by (subgroups of \d|shared memory)/)
    expect(finished.config.environment).toMatchObject({
      engine: 'onnxruntime',
      library: expect.stringMatching(/^ONNX Runtime/),
    })
    const other = await train(data, { ...options, engine: 'onnxruntime', run: at('cpu') })
    expect(finished.history).toHaveLength(4)
    for (const [i, epoch] of finished.history.entries())
      expect(epoch.train.loss).toBeCloseTo(other.history[i]!.train.loss, 3)
    const evaluated = await evaluateRun(at('gpu'), undefined, { engine: 'webgpu' })
    expect(evaluated.loss).toBeCloseTo(finished.result.test!.loss, 4)
  }, 300_000)

  /** All layers of images, not features of a frozen trunk. */
  const whole = { ...options, size: 32, batchSize: 4, epochs: 2, lrBackbone: 0.01, engine: 'webgpu' } as const

  it('is stopped within an epoch, goes on, and ends with the bits of one that was left alone', async () => {
    const data = await imageFolder(at('images'))
    const stop = new AbortController()
    const onEvent = (event: { type: string; task?: string; done?: number }) => {
      if (event.type === 'progress' && event.task === 'training' && event.done === 8) stop.abort()
    }
    const begun = train(data, { ...whole, run: at('stopped') }, { onEvent, signal: stop.signal })
    await expect(begun).rejects.toThrow(/Stopped at epoch 1, step [23] of \d+; everything is saved/)
    const finished = await resume(at('stopped'))
    const alone = await train(data, { ...whole, run: at('alone') })
    expect(finished.history.map(({ train: { loss } }) => loss)).toEqual(
      alone.history.map(({ train: { loss } }) => loss),
    )
    const weights = (run: string) => readFile(at(run, 'model', 'model.safetensors'))
    expect((await weights('stopped')).equals(await weights('alone'))).toBe(true)
  }, 300_000)

  it('loses its device, says how to go on, and goes on from its checkpoint with another engine', async () => {
    const data = await imageFolder(at('images'))
    const onEvent = (event: { type: string; task?: string; epoch?: number }) => {
      if (event.type === 'progress' && event.task === 'training' && event.epoch === 2) devices.at(-1)?.destroy()
    }
    const begun = train(data, { ...whole, run: at('lost') }, { onEvent })
    await expect(begun).rejects.toThrow(/the device was lost .+regraft train --resume RUN/)
    const finished = await resume(at('lost'), {}, { engine: 'onnxruntime' })
    expect(finished.history).toHaveLength(2)
    // Another device is opened where one was lost
    expect((await evaluateRun(at('lost'), undefined, { engine: 'webgpu' })).loss).toBeCloseTo(
      finished.result.test!.loss,
      4,
    )
  }, 300_000)

  it('doctor says what the GPU is good for', async () => {
    const { stdout } = await regraftHere(['doctor'], { cwd: folder.path })
    expect(stdout).toMatch(/gpu {8}\S/)
    expect(stdout).toMatch(/engine {5}webgpu: ready \(WebGPU on .+ tiles, sums by .+\)/)
    const env = { REGRAFT_SUBGROUPS: 'none' }
    const without = await regraft(['doctor'], { cwd: folder.path, env })
    expect(without.stdout).toMatch(/webgpu: ready \(WebGPU on .+ tiles, sums by shared memory\)/)
  }, 120_000)

  it('says where there is no GPU', async () => {
    const args = ['train', at('images'), '--network', 'resnet18-narrow', '--engine', 'webgpu', '--run', 'none']
    const { code, stderr } = await regraft(args, {
      cwd: folder.path,
      env: { VK_ICD_FILENAMES: '/nowhere.json' },
    })
    expect(stderr).toMatch(/webgpu: .*(no GPU was found|looking for a GPU failed)/)
    expect(code).toBe(8)
  }, 60_000)
})
