/** A run on an archive names the archive, and finds its images again where the cache was emptied. */
import { rm, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { jpeg } from '../data/fixtures.testing.js'
import { zip } from '../data/folders/zip.testing.js'
import { openDataset } from '../data/index.js'
import { readConfig, train } from '../training/index.js'
import { evaluateRun } from './index.js'

const at = temporaryFolder()

test('a run on an archive', async () => {
  process.env.REGRAFT_CACHE = at('cache')
  const names = ['a', 'b'].flatMap(name => Array.from({ length: 6 }, (_, i) => `photos/${name}/${i}.jpg`))
  const images = await Promise.all(names.map(async (name, i) => [name, await jpeg(i)] as const))
  const archive = at('photos.zip')
  await writeFile(archive, zip(Object.fromEntries(images)))
  const { run, result } = await train(await openDataset(archive), {
    network: 'resnet18-narrow',
    weights: 'none',
    epochs: 1,
    size: 32,
    groupDuplicates: 'none',
    run: at('run'),
  })
  expect((await readConfig(run)).data).toBe(archive)
  await rm(at('cache'), { recursive: true })
  const { top1, predictions, seen } = await evaluateRun(run)
  expect([top1, seen]).toEqual([result.test?.top1, { train: 0, val: 0 }])
  for (const { path } of predictions) expect(names).toContain(path)
  expect((await evaluateRun(run, archive)).seen.train).toBeGreaterThan(0)
})
