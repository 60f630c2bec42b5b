/** A study as a person runs it: planned, interrupted, gone on with, and what it says in the end. */
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { regraft, regraftHere, shapeImages, temporaryFolder } from './support.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
const at = (...parts: string[]) => join(folder.path, ...parts)
const json = (...parts: string[]) => JSON.parse(readFileSync(at(...parts), 'utf8'))
const study = (...args: string[]) => regraftHere(['study', ...args], { cwd: folder.path })

const base =
  'base: {network: resnet18-narrow, size: 32, batch-size: 8, augment: none, epochs: 2, lr-backbone: 0.005, lr-head: 0.05}'

beforeAll(async () => {
  folder = await temporaryFolder()
  await shapeImages(at('images'), 20)
  await writeFile(
    at('rates.yaml'),
    `name: rates\nkind: one-at-a-time\n${base}\nvary:\n  lr-head: [0.05, 1e9]\n  lr-backbone: [0, 0.005]\n`,
  )
  await writeFile(
    at('halving.yaml'),
    `name: halved\nkind: halving\ntrials: 4\nreduction: 2\n${base.replace('epochs: 2', 'epochs: 4').replace('lr-backbone: 0.005', 'lr-backbone: 0')}\nvary: {lr-head: {log-uniform: [1e-4, 0.1]}}\n`,
  )
})
afterAll(() => folder.remove())

describe('regraft study', () => {
  it('says what it would do, how long that takes and what memory it needs, and does nothing', async () => {
    const { code, stdout } = await study('rates.yaml', 'images', '--dry-run')
    expect(code).toBe(0)
    expect(stdout).toMatch(/baseline\s+0\s+base_seed0/)
    expect(stdout).toMatch(
      /3 runs, about .* in all from three measured steps .* of memory for the largest training step/,
    )
    expect(existsSync(at('runs'))).toBe(false)
    // Of a frozen trunk the head alone is trained, on features: no step holds the whole network
    const frozen = await study('halving.yaml', 'images', '--dry-run')
    const memory = (text: string) => /, (\S+) (bytes|kB|MB) of memory/.exec(text)!
    const bytes = ([, amount, unit]: RegExpExecArray) => Number(amount) * { bytes: 1, kB: 1e3, MB: 1e6 }[unit as 'kB']
    expect(bytes(memory(frozen.stdout))).toBeLessThan(bytes(memory(stdout)) / 10)
  })

  it('goes on after it was killed, and repeats nothing that had finished', async () => {
    await regraft(['study', 'rates.yaml', 'images'], {
      cwd: folder.path,
      onOutput: (text, kill) => {
        if (/baseline, seed 0: done/.test(text)) kill('SIGKILL')
      },
    })
    const before = readFileSync(at('runs/rates/base_seed0/result.json'), 'utf8')
    const { code, stdout, stderr } = await study('rates.yaml', 'images')
    expect(stderr).not.toContain('error')
    expect(code).toBe(0)
    expect(readFileSync(at('runs/rates/base_seed0/result.json'), 'utf8')).toBe(before)
    const { cells } = json('runs/rates/study.json')
    expect(cells.map(({ runs }: { runs: { state: string }[] }) => runs[0]?.state)).toEqual(['done', 'failed', 'done'])
    // The run at an absurd rate is told with its reason, and the others went on.
    expect(stdout).toMatch(/failed: lr-head 1000000000, seed 0: the loss became (NaN|Infinity)/)
    expect(stdout).toMatch(/lr-backbone\nvalue\s+val top-1/)
    expect(stdout).toMatch(/Best by validation accuracy: .* its test accuracy is \d/)
  })

  it('splits the images alike in every run', () => {
    const splits = ['base_seed0', 'lrBackbone-0_seed0'].map(run => json('runs/rates', run, 'config.json').split)
    expect(splits[0]).toEqual(splits[1])
  })

  it('refuses to mix another study into the folder', async () => {
    const { code, stderr } = await study('rates.yaml', 'images', '--scale-epochs', '0.5')
    expect(stderr).toBe(
      'error: runs/rates holds another study; go on with it by --resume runs/rates, or choose another --run FOLDER\n',
    )
    expect(code).toBe(7)
  })

  it('gives up trials that lag behind, and computes the features of their trunk once', async () => {
    const { code, stderr } = await study('halving.yaml', 'images')
    expect(stderr).not.toContain('error')
    expect(code).toBe(0)
    const { cells } = json('runs/halved/study.json')
    const runs = cells.map((cell: { runs: { state: string; epochs: number }[] }) => cell.runs[0])
    expect(runs.filter(({ state }: { state: string }) => state === 'stopped').length).toBeGreaterThan(0)
    const finished = runs.filter(({ state }: { state: string }) => state === 'done')
    expect(finished.length).toBeGreaterThan(0)
    expect(finished[0].epochs).toBe(4)
  })

  it.each([
    [
      ['nothing.yaml', 'images'],
      2,
      /there is no study nothing\.yaml\. Name a YAML file, or one of: caltech101-reference/,
    ],
    [['caltech101-referense', 'images'], 2, /did you mean 'caltech101-reference'\?/],
    [['rates.yaml'], 2, /rates.yaml names no images; add a folder: regraft study rates.yaml FOLDER/],
    [['rates.yaml', 'images', '--scale-epochs', '2'], 2, /--scale-epochs 2: expected a share above 0, at most 1/],
    [['--resume', 'images'], 7, /images holds no study/],
  ] as const)('%s', async (args, expectedCode, message) => {
    const { code, stderr } = await study(...args)
    expect(stderr).toMatch(message)
    expect(code).toBe(expectedCode)
  })
})
