/** Others have their answers while a large photograph is decoded, explained and drawn. */

import { writeFile } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { heicGrid } from '../data/decode/heicGrid.testing.js'
import { createThumbnails } from '../report/index.js'
import { type Server, startServer } from './index.js'
import { form, modelFolder } from './server.testing.js'

const at = temporaryFolder()
/** Nine million pixels, as a telephone's photograph: a second's work. */
const photograph = heicGrid(31, 31)
let server: Server
beforeAll(async () => {
  server = await startServer(await modelFolder(at('run')), { port: 0 })
})
afterAll(() => server?.close())

describe('while a large HEIC is worked on', () => {
  it('/healthz answers again and again before the explanation is there', async () => {
    let done = false
    const explained = fetch(`${server.url}/v1/explain`, { method: 'POST', body: form(photograph) })
      .then(answer => answer.json())
      .finally(() => {
        done = true
      })
    let answered = 0
    while (!done) {
      const health = await fetch(`${server.url}/healthz`)
      expect(await health.json()).toEqual({ status: 'ok' })
      if (!done) answered++
    }
    expect(await explained).toMatchObject({ class: expect.any(String) })
    expect(answered).toBeGreaterThan(60)
  })

  it('a small picture of it keeps nobody waiting', async () => {
    await writeFile(at('photograph.heic'), photograph)
    const thumbnails = createThumbnails()
    let done = false
    const made = thumbnails.of(at('photograph.heic')).finally(() => {
      done = true
    })
    let turns = 0
    for (; !done; turns++) await setImmediate()
    expect((await made).subarray(0, 2)).toEqual(new Uint8Array([0xff, 0xd8]))
    expect(turns).toBeGreaterThan(20)
    await thumbnails.close()
  })
})
