/** Downloads end in the right file or in an error that says what to do, whatever the server does. */
import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cachePath } from '../base/cache.js'
import { temporaryFolder } from '../base/folder.testing.js'
import { type DownloadRequest, downloadFile } from './download.js'
import { sha256OfFile } from './hash.js'
import { type Served, serve } from './server.testing.js'

const inFolder = temporaryFolder()
const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251))
const sha256 = createHash('sha256').update(content).digest('hex')
const md5 = createHash('md5').update(content).digest('hex')

let server: Served
let number = 0
beforeEach(async () => {
  // Each test has a cache of its own.
  process.env.REGRAFT_CACHE = inFolder(`cache${number++}`)
  server = await serve(content)
})
afterEach(() => server.close())

const get = (path: string, more: Partial<DownloadRequest> = {}) =>
  downloadFile({ url: `${server.url}${path}`, name: 'weights.pth', timeout: 600, pause: 10, ...more })
/** What is in the cache besides the lock, which is gone anyway. */
const cached = () => readdirSync(dirname(cachePath('weights.pth'))).sort()

describe('a download', () => {
  it('comes into the cache verified, with its progress, and is not asked for again', async () => {
    const seen: [number, number | undefined][] = []
    const path = await get('/whole', { sha256, md5, size: content.length, onProgress: (...at) => seen.push(at) })
    expect(path).toBe(cachePath('weights.pth'))
    expect(await sha256OfFile(path)).toBe(sha256)
    expect(seen[0]).toEqual([0, content.length])
    expect(seen.at(-1)).toEqual([content.length, content.length])
    expect(seen.every(([done], i) => i === 0 || done >= (seen[i - 1]?.[0] ?? 0))).toBe(true)
    await get('/whole', { sha256 })
    expect(server.requests).toHaveLength(1)
    expect(cached()).toEqual(['weights.pth', 'weights.pth.ok'])
  })

  it('is verified by a prefix of its SHA-256, as torchvision’s names hold it', async () => {
    await get('/whole', { sha256: sha256.slice(0, 8).toUpperCase() })
    await rm(cachePath('weights.pth'))
    await expect(get('/whole', { sha256: 'deadbeef' })).rejects.toThrow('sha256')
  })

  it('goes on where the connection broke off', async () => {
    await get('/breaks', { sha256 })
    expect(await sha256OfFile(cachePath('weights.pth'))).toBe(sha256)
    expect(server.requests.map(({ range }) => range)).toEqual([undefined, 'bytes=100000-', 'bytes=200000-'])
    expect(server.requests[1]?.ifRange).toBe('"version-1"')
  })

  it('goes on in a later process, too', async () => {
    const abort = new AbortController()
    const first = get('/breaks', { sha256, signal: abort.signal, onProgress: done => done > 0 && abort.abort() })
    await expect(first).rejects.toMatchObject({ code: 'interrupted' })
    const { size } = await stat(cachePath('weights.pth.part'))
    expect(size).toBeGreaterThan(0)
    await get('/breaks', { sha256 })
    expect(server.requests[1]?.range).toBe(`bytes=${size}-`)
    expect(await sha256OfFile(cachePath('weights.pth'))).toBe(sha256)
  })

  it.each(['/breaks-once-no-ranges', '/breaks-once-changes'])('starts anew where it cannot go on: %s', async path => {
    await get(path)
    const reversed = createHash('sha256').update(Buffer.from(content).reverse()).digest('hex')
    expect(await sha256OfFile(cachePath('weights.pth'))).toBe(path.endsWith('changes') ? reversed : sha256)
  })

  it('starts anew from a part that is complete, wrong, or whose note was cut off', async () => {
    for (const note of [JSON.stringify({ url: `${server.url}/whole`, validator: '"version-1"' }), '{"url":']) {
      await mkdir(dirname(cachePath('weights.pth')), { recursive: true })
      await writeFile(cachePath('weights.pth.part'), Buffer.alloc(content.length))
      await writeFile(cachePath('weights.pth.part.json'), note)
      await get('/whole', { sha256 })
      expect(await sha256OfFile(cachePath('weights.pth'))).toBe(sha256)
      await rm(cachePath('weights.pth'))
    }
  })

  it('does not go on with the part of another file', async () => {
    await mkdir(dirname(cachePath('weights.pth')), { recursive: true })
    await writeFile(cachePath('weights.pth.part'), 'other')
    const note = { url: `${server.url}/other`, validator: '"version-1"' }
    await writeFile(cachePath('weights.pth.part.json'), JSON.stringify(note))
    await get('/whole', { sha256 })
    expect(server.requests.map(({ range }) => range)).toEqual([undefined])
  })

  it('tries again after an answer that is late, a body that stalls, a server that is busy', async () => {
    for (const path of ['/late-once', '/stalls-once', '/busy-once']) {
      await get(path, { sha256 })
      await rm(cachePath('weights.pth'))
    }
    expect(server.requests).toHaveLength(6)
  })

  it('follows redirects, and keeps a token from other hosts', async () => {
    const other = await serve(content)
    try {
      const headers = { authorization: 'Bearer secret' }
      const target = encodeURIComponent(`${other.url}/whole`)
      await get(`/redirect?to=${target}`, { sha256, headers })
      expect(server.requests[0]?.authorization).toBe('Bearer secret')
      expect(other.requests[0]?.authorization).toBeUndefined()
    } finally {
      await other.close()
    }
    await rm(cachePath('weights.pth'))
    await expect(get('/redirect?to=/redirect-loop')).rejects.toThrow('redirects more than 10 times')
    await expect(get('/redirect?to=file:///etc/passwd')).rejects.toThrow('which is not safe')
  })

  it('goes by the checksum and size that the Hugging Face Hub names before it redirects', async () => {
    await get('/hub?etag=right')
    await rm(cachePath('weights.pth'))
    await expect(get('/hub?etag=wrong')).rejects.toThrow('gave other bytes than expected (sha256')
    await expect(get('/hub?etag=right&size=7')).rejects.toThrow('300000 bytes instead of 7')
  })

  it('goes through a proxy of the environment', async () => {
    const proxy = await serve(content)
    process.env.http_proxy = proxy.url
    try {
      await downloadFile({ url: 'http://weights.invalid/whole', name: 'weights.pth', sha256 })
      expect(proxy.requests.map(({ method, url }) => `${method} ${url}`)[0]).toMatch(/weights\.invalid/)
    } finally {
      delete process.env.http_proxy
      await proxy.close()
    }
  })
})

describe('wrong bytes', () => {
  it('are deleted, and said', async () => {
    const reading = get('/wrong', { sha256 })
    await expect(reading).rejects.toThrow(
      /\/wrong gave other bytes than expected \(sha256 \w{12}… instead of \w{12}…\); they were deleted\. Try again, or get the file elsewhere and put it at .*weights\.pth$/,
    )
    await expect(reading).rejects.toMatchObject({ name: 'RegraftError', code: 'network' })
    expect(cached()).toEqual([])
    await expect(get('/wrong', { md5 })).rejects.toThrow('md5')
    await expect(get('/wrong', { size: 5 })).rejects.toThrow('bytes instead of 5')
  })

  it('that a person has put there are said, not deleted and not taken', async () => {
    const path = cachePath('weights.pth')
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, 'other')
    await expect(get('/whole', { sha256 })).rejects.toThrow(/weights\.pth does not hold http.*delete it/)
    expect(await readFile(path, 'utf8')).toBe('other')
    await writeFile(path, content)
    expect(await get('/whole', { sha256 })).toBe(path)
    expect(server.requests).toHaveLength(0)
  })

  it('that came later are noticed; an unchanged file is not read again', async () => {
    const path = await get('/whole', { sha256 })
    await utimes(path, 1e9, 1e9)
    await get('/whole', { sha256 })
    // Of the same size and time: that it is taken shows that it was not read.
    await writeFile(path, Buffer.from(content).reverse())
    await utimes(path, 1e9, 1e9)
    expect(await get('/whole', { sha256 })).toBe(path)
    await utimes(path, 1e9, 1e9 + 5)
    await expect(get('/whole', { sha256 })).rejects.toThrow('does not hold')
  })
})

describe('a failure', () => {
  it('without a network says which file to put where', async () => {
    const url = 'http://no-such-host.invalid/resnet50-0676ba61.pth'
    const path = cachePath('resnet50-0676ba61.pth')
    await expect(
      downloadFile({ url, name: 'resnet50-0676ba61.pth', pause: 10, otherwise: 'or pass --weights FILE' }),
    ).rejects.toThrow(
      new RegExp(
        `^resnet50-0676ba61\\.pth cannot be downloaded from ${url} \\(getaddrinfo \\w+ .*\\); without a network, put the file at ${path} or pass --weights FILE$`,
      ),
    )
  })

  it('that will not pass is not tried again', async () => {
    await expect(get('/absent')).rejects.toThrow('(the server answered 404)')
    expect(server.requests).toHaveLength(1)
  })

  it('that stays is given up after a few tries', async () => {
    await expect(get('/busy')).rejects.toThrow('(the server answered 503)')
    expect(server.requests).toHaveLength(4)
  })

  it('of the cache folder says how to choose another', async () => {
    await writeFile(inFolder('file'), '')
    process.env.REGRAFT_CACHE = inFolder('file/cache')
    await expect(get('/whole')).rejects.toThrow(/file\/cache cannot be written .*set REGRAFT_CACHE/)
  })
})

describe('two at once', () => {
  it('in one process: one downloads, the others find the file', async () => {
    const paths = await Promise.all([get('/slow'), get('/slow'), get('/slow')])
    expect(new Set(paths).size).toBe(1)
    expect(server.requests).toHaveLength(1)
    expect(cached()).toEqual(['weights.pth', 'weights.pth.ok'])
  })

  it('in two processes: one downloads, the other finds the file', async () => {
    const script = fileURLToPath(new URL('download.testing.js', import.meta.url))
    const run = () =>
      new Promise<number | null>(resolve => {
        fork(script, [`${server.url}/slow`, 'weights.pth', sha256], { execArgv: [] }).on('exit', resolve)
      })
    expect(await Promise.all([run(), run()])).toEqual([0, 0])
    expect(server.requests).toHaveLength(1)
    expect(await sha256OfFile(cachePath('weights.pth'))).toBe(sha256)
  })

  it('takes over from a process that died', async () => {
    const path = cachePath('weights.pth')
    await mkdir(dirname(path), { recursive: true })
    // The number of a process that has ended.
    const gone = await new Promise<number | undefined>(resolve => {
      const child = fork(fileURLToPath(new URL('../base/lock.js', import.meta.url)), { execArgv: [] })
      child.on('exit', () => resolve(child.pid))
    })
    await writeFile(`${path}.lock`, `${gone} ${hostname()} token\n`)
    await get('/whole', { sha256 })
    expect(existsSync(`${path}.lock`)).toBe(false)
  })
})
