/** Run folders as they may come from elsewhere, or be damaged: one of them hides no other, and keeps nobody waiting. */
import { execFileSync } from 'node:child_process'
import { cp, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { temporaryFolder } from '../../base/folder.testing.js'
import { runConfig } from '../../training/runConfig.testing.js'
import { createRun } from '../../training/runFolder.js'
import { type Server, startServer } from '../index.js'
import { form, jpeg, modelFolder } from '../server.testing.js'

const at = temporaryFolder()
const printed = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
let server: Server
beforeAll(async () => {
  await createRun(at('runs/good'), runConfig)
  server = await startServer(undefined, { port: 0, dashboard: at('runs') })
})
afterAll(async () => {
  await server?.close()
  expect(printed).not.toHaveBeenCalled()
})

interface Answer {
  readonly runs?: readonly { readonly id: string }[]
  readonly damaged?: readonly string[]
  readonly scores?: readonly { readonly class: string }[]
}
const ask = async (path: string, init?: RequestInit) => {
  const answer = await fetch(`${server.url}/api/${path}`, init)
  return { status: answer.status, ...((await answer.json()) as Answer) }
}
const overview = async () => {
  const { runs, damaged } = await ask('overview')
  return { runs: runs?.map(({ id }) => id), damaged }
}

const oddities: readonly [string, (file: string) => Promise<unknown>][] = [
  ['a folder', file => mkdir(file)],
  ['a pipe', async file => execFileSync('mkfifo', [file], { stdio: 'ignore' })],
  ['larger than any', file => writeFile(file, '').then(() => truncate(file, 3 * 1024 ** 3))],
  ['a link to a device', file => symlink('/dev/zero', file)],
]

it
  .skipIf(process.platform === 'win32')
  .each(oddities.flatMap(([what, make]) => ['result.json', 'metrics.jsonl'].map(name => [name, what, make] as const)))(
  'says of a run whose %s is %s that it cannot be read, and shows the others',
  async (name, _, make) => {
    await cp(at('runs/good'), at('runs/odd'), { recursive: true })
    await rm(at(`runs/odd/${name}`), { force: true })
    await make(at(`runs/odd/${name}`))
    await expect.poll(overview, { timeout: 10_000 }).toEqual({
      runs: ['good'],
      damaged: [expect.stringContaining(`${name} cannot be read (`)],
    })
    expect(await ask('run?run=odd')).toEqual({ status: 404, error: expect.stringContaining(name) })
    expect(await ask('run?run=good')).toMatchObject({ status: 200, id: 'good' })
    await rm(at('runs/odd'), { recursive: true })
    await expect.poll(overview, { timeout: 10_000 }).toEqual({ runs: ['good'], damaged: [] })
  },
)

it('says which file of predictions is damaged', async () => {
  await writeFile(at('runs/good/predictions.csv'), 'path,true\na.jpg,cat\n')
  const error = expect.stringContaining('predictions.csv is damaged')
  expect(await ask('predictions?run=good')).toEqual({ status: 404, error })
  expect(await ask('picture?run=good&index=0')).toEqual({ status: 404, error })
})

it('finds images beside the folder of runs, wherever the server was started', async () => {
  await mkdir(at('photos/cat'), { recursive: true })
  await writeFile(at('photos/cat/1.jpg'), await jpeg())
  await createRun(at('runs/beside'), { ...runConfig, data: 'photos' })
  const picture = async () => (await fetch(`${server.url}/api/picture?run=beside&part=train&index=0`)).status
  await expect.poll(picture, { timeout: 10_000 }).toBe(200)
  await rm(at('runs/beside'), { recursive: true })
})

it('tries the model that is there, not one that was there before under the same name', async () => {
  const classes = async () => {
    const { scores } = await ask('explain?run=good', { method: 'POST', body: form(await jpeg()) })
    return scores?.map(score => score.class).sort()
  }
  await modelFolder(at('runs/good'), ['ant', 'bee'])
  expect(await classes()).toEqual(['ant', 'bee'])
  await modelFolder(at('runs/good'), ['cat', 'dog'])
  expect(await classes()).toEqual(['cat', 'dog'])
})

it('starts no more runs than it may, however they are asked for and whatever becomes of them', async () => {
  // The images of that run are not there: each process ends at once
  const start = (name: string) =>
    ask('start', { method: 'POST', body: JSON.stringify({ from: 'good', name }) }).then(({ status }) => status)
  for (let round = 0; round < 2; round++) {
    const together = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(start))
    expect(together.sort()).toEqual([409, 409, 409, 409, 503, 503])
  }
  const [first, second] = await Promise.all([start('same'), start('same')])
  expect([first, second]).toEqual([409, 409])
  expect(await ask('start', { method: 'POST', body: JSON.stringify({ from: 'good', name: 'x' }) })).toEqual({
    status: 409,
    error: expect.stringContaining('/photos'),
  })
}, 60_000)

it('follows runs for those who look, and holds nothing for those who ask for the head alone', async () => {
  for (let i = 0; i < 40; i++)
    expect((await fetch(`${server.url}/api/live?run=good`, { method: 'HEAD' })).status).toBe(200)
  for (let i = 0; i < 40; i++) {
    const stop = new AbortController()
    const answer = await fetch(`${server.url}/api/live?run=good`, { signal: stop.signal })
    // The server may not have heard yet that earlier ones are gone
    if (answer.status === 200)
      expect(new TextDecoder().decode((await answer.body!.getReader().read()).value)).toContain('good')
    stop.abort()
  }
  const again = async () => {
    const stop = new AbortController()
    const { status } = await fetch(`${server.url}/api/live?run=good`, { signal: stop.signal })
    stop.abort()
    return status
  }
  await expect.poll(again, { timeout: 10_000 }).toBe(200)
})
