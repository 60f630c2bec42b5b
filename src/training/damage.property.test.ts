/** Whatever happens to the files of a run folder, reading them ends in what was written or in a clear refusal. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { damage } from '../base/damage.testing.js'
import { RegraftError } from '../base/errors.js'
import { writeSafetensors } from '../weights/index.js'
import { lastCheckpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.js'
import { runConfig } from './runConfig.testing.js'
import { appendEpoch, createRun, type EpochRecord, readConfig, readHistory } from './runFolder.js'

const run = await mkdtemp(join(tmpdir(), 'regraft-run-'))
afterAll(() => rm(run, { recursive: true, force: true }))
await mkdir(join(run, 'checkpoints'))
const runs = { numRuns: 300 }

/** The result, or the refusal; anything else that is thrown fails the test. */
async function orRefusal<Result>(work: Promise<Result>): Promise<Result | undefined> {
  return work.catch((error: unknown) => {
    expect(error).toBeInstanceOf(RegraftError)
    return undefined
  })
}

const metrics = { images: 10, loss: 0.5, top1: 0.9, top5: 1, meanPerClass: 0.88 }
const epoch = (number: number): EpochRecord => ({
  epoch: number,
  lrBackbone: 1e-3,
  lrHead: 1e-2,
  seconds: 12.5,
  imagesPerSecond: 80,
  train: metrics,
  validation: metrics,
})

describe('damaged', () => {
  test('config.json', async () => {
    await createRun(run, runConfig)
    const path = join(run, 'config.json')
    const whole = await readFile(path)
    await fc.assert(
      fc.asyncProperty(damage, async damaged => {
        await writeFile(path, damaged(whole))
        const read = await orRefusal(readConfig(run))
        if (read) expect(read.options.epochs).toBeGreaterThan(0)
      }),
      runs,
    )
  })

  test('metrics.jsonl: lines that are whole are read, others are not', async () => {
    for (const number of [1, 2, 3]) await appendEpoch(run, epoch(number))
    const path = join(run, 'metrics.jsonl')
    const whole = await readFile(path)
    await fc.assert(
      fc.asyncProperty(damage, async damaged => {
        await writeFile(path, damaged(whole))
        for (const record of await readHistory(run)) expect(record.epoch).toBeGreaterThan(0)
      }),
      runs,
    )
  })

  test('checkpoint', async () => {
    const tensors = new Map([
      ['layer.weight', { shape: [4, 3], values: Float32Array.from({ length: 12 }, (_, i) => i) }],
      ['layer.bias', { shape: [4], values: new Float32Array(4) }],
    ])
    const path = lastCheckpoint(run)
    await saveCheckpoint(path, tensors, { epoch: 2, step: 5, seconds: 1.5 })
    const whole = await readFile(path)
    await fc.assert(
      fc.asyncProperty(damage, async damaged => {
        await writeFile(path, damaged(whole))
        const read = await orRefusal(loadCheckpoint(path))
        if (!read) return
        expect(read.at.epoch).toBeGreaterThanOrEqual(0)
        for (const { shape, values } of read.tensors.values())
          expect(values.length).toBe(shape.reduce((product, side) => product * side, 1))
      }),
      runs,
    )
  })
})

test.each([['{"epoch": 1'], ['[]'], ['{"epoch": -1, "step": 0, "seconds": 0}'], [undefined]])(
  'a safetensors file that says %s of where it stands is no checkpoint',
  async position => {
    const path = join(run, 'other.safetensors')
    await writeSafetensors(path, new Map(), position === undefined ? {} : { position })
    await expect(loadCheckpoint(path)).rejects.toThrow(
      `${path} is no checkpoint of a run (it does not say where it stands)`,
    )
  },
)
