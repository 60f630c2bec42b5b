/** Which of two networks whose files look alike, and what the Hub says beside them. */

import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { randomValues } from '../inference/randomModel.testing.js'
import { networkGraph, networkNamed, readHubModel, stateShapes } from '../models/index.js'
import { writePyTorch, writeSafetensors } from '../weights/index.js'
import { graft } from './graft.js'

const at = temporaryFolder()
const classes = 5

/** Random weights of a network. */
const stateOf = (name: string) =>
  new Map(
    [...stateShapes(networkGraph(networkNamed(name), { classes, batch: 1 }))].map(([key, shape]) => [
      key,
      { shape, values: randomValues(key, shape) },
    ]),
  )
const lite = stateOf('efficientnet_lite0')

describe('a file that fits two networks', () => {
  it('is taken for TensorFlow’s EfficientNet-Lite with a word on the other, which --network names', async () => {
    await writePyTorch(at('lite.pth'), lite)
    const assumed = await graft({ weights: at('lite.pth'), classes, seed: 0 })
    expect(assumed.network.name).toBe('efficientnet_lite0')
    expect(assumed.note).toBe(
      "lite.pth does not say how its images are padded and normalised, and efficientnet_lite0 (TensorFlow's way) is assumed; --network efficientnet_lite0_torch takes it for trained in PyTorch",
    )
    const named = await graft({ network: 'efficientnet_lite0_torch', weights: at('lite.pth'), classes, seed: 0 })
    expect(named.preprocessing).toMatchObject({ mean: [0.485, 0.456, 0.406], interpolation: 'bicubic' })
    expect(named.note).toBe('')
  })

  it('is what its own metadata say', async () => {
    await writeSafetensors(at('own.safetensors'), lite, { network: 'efficientnet_lite0_torch' })
    const { network, note } = await graft({ weights: at('own.safetensors'), classes, seed: 0 })
    expect([network.name, note]).toEqual(['efficientnet_lite0_torch', ''])
  })

  it('pads and normalises as its form says', () => {
    const stems = ['efficientnet_lite0', 'efficientnet_lite0_torch'].map(name => {
      const [stem, norm] = networkGraph(networkNamed(name), { classes, batch: 1, size: 64 }).nodes
      return [stem!.attributes, norm!.attributes]
    })
    expect(stems).toMatchObject([
      [{ padding: [0, 0, 1, 1] }, { eps: 1e-3 }],
      [{ padding: [1, 1, 1, 1] }, { eps: 1e-5 }],
    ])
  })
})

describe('a model on the Hub', () => {
  let server: Server | undefined
  let weights: Buffer
  beforeAll(async () => {
    await writeSafetensors(at('hub.safetensors'), lite)
    weights = await readFile(at('hub.safetensors'))
  })
  afterEach(() => {
    server?.close()
    for (const name of ['REGRAFT_CACHE', 'HF_ENDPOINT']) delete process.env[name]
  })
  /** A Hub that has these files. */
  async function hub(files: Readonly<Record<string, unknown>>): Promise<void> {
    server = createServer(({ url = '' }, answer) => {
      const name = url.split('/').at(-1)!
      if (name === 'model.safetensors') answer.end(weights)
      else if (name in files) answer.end(JSON.stringify(files[name]))
      else answer.writeHead(404).end()
    })
    await new Promise<void>(done => server!.listen(0, '127.0.0.1', done))
    process.env.HF_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    process.env.REGRAFT_CACHE = at(`cache-${(server.address() as AddressInfo).port}`)
  }
  const load = () => graft({ weights: 'hf:timm/efficientnet_lite0.ra_in1k', classes, seed: 0 })

  it('of timm is the network that its config names, with the preprocessing that it was trained with', async () => {
    await hub({
      'config.json': {
        architecture: 'efficientnet_lite0',
        pretrained_cfg: {
          input_size: [3, 224, 224],
          mean: [0.485, 0.456, 0.406],
          std: [0.229, 0.224, 0.225],
          interpolation: 'bilinear',
          crop_pct: 0.95,
        },
      },
    })
    const { network, preprocessing, note } = await load()
    expect(network.name).toBe('efficientnet_lite0_torch')
    expect(preprocessing).toMatchObject({
      size: 224,
      resize: 235,
      interpolation: 'bilinear',
      std: [0.229, 0.224, 0.225],
    })
    expect(note).toBe('hf:timm/efficientnet_lite0.ra_in1k says: efficientnet_lite0_torch, 224 of 235 pixels, bilinear')
  })

  it('of another architecture with the same names and shapes is refused until it is named', async () => {
    await hub({ 'config.json': { architecture: 'liteaa', pretrained_cfg: {} } })
    await expect(load()).rejects.toThrow(
      'hf:timm/efficientnet_lite0.ra_in1k is liteaa, as its config.json says, which is not known here. It has the names and shapes of efficientnet_lite0, and may compute otherwise; --network efficientnet_lite0 takes it for that',
    )
    const weights = 'hf:timm/efficientnet_lite0.ra_in1k'
    const { network } = await graft({ network: 'efficientnet_lite0', weights, classes, seed: 0 })
    expect(network.name).toBe('efficientnet_lite0')
  })

  it('without a config is read all the same', async () => {
    await hub({})
    expect((await load()).network.name).toBe('efficientnet_lite0')
  })

  it('whose config is hostile says nothing', async () => {
    await hub({ 'config.json': { architecture: ['../../etc'], pretrained_cfg: { mean: 'x'.repeat(100) } } })
    expect((await load()).network.name).toBe('efficientnet_lite0')
  })

  it('whose config names something else in hostile letters is refused in plain ones', async () => {
    await hub({ 'config.json': { architecture: '\u001b[2J../../etc', pretrained_cfg: { mean: 'x'.repeat(100) } } })
    await expect(load()).rejects.toThrow(/\ufffd\[2J\.\.\/\.\.\/etc, as its config\.json says, which is not known here/)
  })
})

describe('timm’s configurations', () => {
  it('keep what is understood where something beside it is odd', () => {
    const given = {
      input_size: [3, 48, 48],
      crop_pct: 0.96,
      std: [0, 0, 0],
      interpolation: 'constructor',
      crop_mode: null,
    }
    expect(readHubModel({ architecture: 'resnet50', pretrained_cfg: given }, undefined)).toEqual({
      network: 'resnet50',
      preprocessing: { size: 48, resize: 50 },
    })
    const odd = { input_size: [3, -5, 48], mean: 'x', crop_pct: 3, crop_mode: ['squash'] }
    expect(readHubModel({ architecture: 'other', pretrained_cfg: odd }, undefined)).toEqual({
      network: 'other',
      preprocessing: {},
    })
  })

  it('say where all of an image is squashed into the input', () => {
    const given = { input_size: [3, 224, 224], crop_pct: 1, crop_mode: 'squash' }
    expect(readHubModel({ architecture: 'resnet50', pretrained_cfg: given }, undefined).preprocessing).toEqual({
      size: 224,
      resize: 224,
      crop: 'squash',
    })
  })
})

describe('transformers’ configurations', () => {
  it('give size, crop and interpolation', () => {
    const preprocessor = {
      crop_pct: 0.875,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
      resample: 3,
      size: { shortest_edge: 224 },
    }
    expect(readHubModel({ model_type: 'resnet' }, preprocessor)).toEqual({
      preprocessing: { size: 224, resize: 256, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], interpolation: 'bicubic' },
    })
    expect(readHubModel({ model_type: 'resnet' }, { size: { shortest_edge: 384 } }).preprocessing).toEqual({
      size: 384,
      resize: 384,
      crop: 'squash',
    })
    const both = { size: { height: 192, width: 192 } }
    expect(readHubModel({ model_type: 'resnet' }, both).preprocessing).toEqual({
      size: 192,
      resize: 192,
      crop: 'squash',
    })
    const cropped = { crop_size: { height: 224, width: 224 }, resample: 2, size: { shortest_edge: 256 } }
    expect(readHubModel({ model_type: 'mobilenet_v2' }, cropped)).toEqual({
      preprocessing: { size: 224, resize: 256, interpolation: 'bilinear' },
    })
  })

  it.each([
    [{ model_type: 'resnet', downsample_in_bottleneck: true }, 'downsample_in_bottleneck'],
    [{ model_type: 'resnet', hidden_act: 'gelu' }, 'hidden_act: gelu'],
    [{ model_type: 'mobilenet_v2', tf_padding: false }, 'tf_padding: false'],
    [{ model_type: 'mobilenet_v2', layer_norm_eps: 1e-5 }, 'layer_norm_eps'],
  ])('that compute otherwise are refused in words: %o', (config, words) => {
    expect(() => readHubModel(config, undefined)).toThrow(`its config.json says ${words}`)
  })
})
