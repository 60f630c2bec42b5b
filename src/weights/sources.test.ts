/** What `--weights` takes: a path, an address, a model on the Hugging Face Hub. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { cachePath } from '../base/cache.js'
import { temporaryFolder } from '../base/folder.testing.js'
import { serve } from './server.testing.js'
import { fetchWeights, parseWeightsSource } from './sources.js'

const inFolder = temporaryFolder()
const content = Buffer.from('the weights')
const sha256 = createHash('sha256').update(content).digest('hex')

afterEach(() => {
  for (const name of ['REGRAFT_CACHE', 'HF_ENDPOINT', 'HF_TOKEN']) delete process.env[name]
})

describe('parseWeightsSource', () => {
  it.each([
    ['weights/mine.pth', { kind: 'file', path: 'weights/mine.pth' }],
    ['C:\\weights\\mine.pth', { kind: 'file', path: 'C:\\weights\\mine.pth' }],
    ['https://host/a/w.pth?x=1', { kind: 'url', url: 'https://host/a/w.pth?x=1' }],
    ['hf:timm/resnet50.tv_in1k', { kind: 'hub', repository: 'timm/resnet50.tv_in1k' }],
  ])('%s', (text, source) => expect(parseWeightsSource(text)).toEqual(source))

  it.each([
    'hf:',
    'hf:timm',
    'hf:timm/a/b',
    'hf:../etc',
    'hf:a/../b',
    'hf:a/..',
    'hf:a--b/c',
    'hf:-a/b',
    'hf:a/b?c',
    'hf:a b/c',
  ])('refuses %s', text => {
    expect(() => parseWeightsSource(text)).toThrow(`'${text}' names no model: write hf:owner/name`)
  })

  it.each(['http:', 'https://', 'https:/host/w.pth', 'http://[/w.pth'])('refuses %s', text => {
    expect(() => parseWeightsSource(text)).toThrow(`'${text}' is no address`)
  })
})

describe('fetchWeights', () => {
  it('takes a file where it is', async () => {
    expect(await fetchWeights({ kind: 'file', path: 'a.pth' })).toBe('a.pth')
  })

  it('keeps a published file under its own name, and others apart by their address', async () => {
    process.env.REGRAFT_CACHE = inFolder('url')
    const server = await serve(content)
    try {
      const url = `${server.url}/whole`
      expect(await fetchWeights({ kind: 'url', url, sha256: sha256.slice(0, 8) })).toBe(cachePath('whole'))
      const one = await fetchWeights({ kind: 'url', url: `${url}?1` })
      const two = await fetchWeights({ kind: 'url', url: `${url}?2` })
      expect(one).toMatch(/[0-9a-f]{8}-whole$/)
      expect(one).not.toBe(two)
      expect(await readFile(two)).toEqual(content)
    } finally {
      await server.close()
    }
  })

  it('asks the Hub, or the endpoint that HF_ENDPOINT names, with HF_TOKEN', async () => {
    process.env.REGRAFT_CACHE = inFolder('hub')
    const server = await serve(content)
    process.env.HF_ENDPOINT = `${server.url}/`
    process.env.HF_TOKEN = 'secret'
    try {
      const path = await fetchWeights({ kind: 'hub', repository: 'owner/name.v1' })
      expect(await readFile(path)).toEqual(content)
      expect(server.requests[0]).toMatchObject({
        url: '/owner/name.v1/resolve/main/model.safetensors',
        authorization: 'Bearer secret',
      })
      await expect(fetchWeights({ kind: 'hub', repository: 'owner/absent' })).rejects.toThrow(
        /owner--absent\.safetensors cannot be downloaded from .*\/owner\/absent\/resolve\/main\/model\.safetensors \(the server answered 404\)/,
      )
    } finally {
      await server.close()
    }
  })
})
