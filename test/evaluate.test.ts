/** A model on images of another folder: predictions, confusion matrix and report; and images of things that it was not taught. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { regraftHere, shapeImages, temporaryFolder } from './support.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
const at = (...parts: string[]) => join(folder.path, ...parts)
const run = (...args: string[]) => regraftHere(args, { cwd: folder.path })

beforeAll(async () => {
  folder = await temporaryFolder()
  await shapeImages(at('images'), 24)
  await shapeImages(at('new'), 8)
  const small = ['--network', 'resnet18-narrow', '--size', '48', '--batch-size', '8', '--epochs', '6']
  const { stderr } = await run('train', 'images', ...small, '--exclude', 'stripes', '--run', 'run')
  expect(stderr).not.toContain('error')
})
afterAll(() => folder.remove())

describe('regraft evaluate on a new folder', () => {
  it('writes predictions, the confusion matrix and a report with the mistakes', async () => {
    const { code, stdout } = await run('evaluate', 'run', 'new', '--exclude', 'stripes', '--out', 'measured')
    expect(code).toBe(0)
    expect(stdout).toContain('Report    measured/report.html, measured/report.md')
    const rows = readFileSync(at('measured/predictions.csv'), 'utf8').trim().split('\n').slice(1)
    expect(rows).toHaveLength(16)
    const right = rows.filter(row => row.split(',')[1] === row.split(',')[2]).length
    const { top1, confusion } = JSON.parse(readFileSync(at('measured/evaluation.json'), 'utf8'))
    expect(top1).toBeCloseTo(right / 16, 9)
    expect(readFileSync(at('measured/confusion.csv'), 'utf8')).toBe(
      `true / predicted,circle,square\ncircle,${confusion[0].join()}\nsquare,${confusion[1].join()}\n`,
    )
    expect(existsSync(at('measured/figures/confusion.png'))).toBe(true)
    const report = readFileSync(at('measured/report.md'), 'utf8')
    expect(report).toContain('measured on new')
    expect(report).toContain(`right for ${right} of 16 images`)
    const chinese = await run('evaluate', 'run', 'new', '--exclude', 'stripes', '--out', 'zh', '--language', 'zh')
    expect(chinese.code).toBe(0)
    expect(readFileSync(at('zh/report.html'), 'utf8')).toContain('在 new 上的评估')
  })

  it('takes a list of labels instead of class folders, also of one class and of test images alone', async () => {
    const folders = await run('evaluate', 'run', 'new', '--exclude', 'stripes', '--json')
    const rows = JSON.parse(folders.stdout).perClass.flatMap(({ class: name }: { class: string }) =>
      readdirSync(at('new', name)).map(file => `${name}/${file},${name}`),
    )
    writeFileSync(at('list.csv'), `path,label\n${rows.join('\n')}\n`)
    const listed = await run('evaluate', 'run', 'new', '--labels', 'list.csv', '--json')
    expect(JSON.parse(listed.stdout)).toEqual(JSON.parse(folders.stdout))
    const [only] = rows
    writeFileSync(at('one.csv'), `path,label,split\n${only},test\n`)
    expect((await run('evaluate', 'run', 'new', '--labels', 'one.csv')).stdout).toContain(', 1 image\n')
    writeFileSync(at('strange.csv'), `path,label\n${only}\n${rows[1].replace(/,.*/, '')},hexagon\n`)
    const { stderr } = await run('evaluate', 'run', 'new', '--labels', 'strange.csv')
    expect(stderr).toContain(
      'strange.csv has classes that the model does not know: hexagon; rename them there, or leave out their rows',
    )
    const alone = await run('evaluate', 'run', '--labels', 'list.csv')
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('regraft evaluate run FOLDER --labels …')])
  })

  it('tells of a folder that is hidden where a class would stand', async () => {
    cpSync(at('new/square'), at('dotted/.square'), { recursive: true })
    cpSync(at('new/circle'), at('dotted/circle'), { recursive: true })
    const { code, stderr } = await run('evaluate', 'run', 'dotted')
    expect([code, stderr]).toEqual([0, expect.stringContaining('its name begins with a dot')])
  })

  it('does not write over a run', async () => {
    const { code, stderr } = await run('evaluate', 'run', '--out', 'run')
    expect([code, stderr]).toEqual([2, 'error: --out run is the folder of a run; name another\n'])
  })
})

describe('images that show none of the classes', () => {
  it('are told by predict, at the confidence that right validation images had', async () => {
    const images = ['new/stripes', 'new/circle']
    const { code, stdout } = await run('predict', 'run', ...images, '--reject', '--json')
    expect(code).toBe(0)
    const results = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(results.every(({ rejected }) => typeof rejected === 'boolean')).toBe(true)
    const strict = await run('predict', 'run', ...images, '--reject', '--pass', '1')
    expect(strict.stdout.match(/none of these/g)!.length).toBeGreaterThan(results.filter(one => one.rejected).length)
  })

  it('are measured on classes that were left out, of the own folder and of another', async () => {
    const own = await run('evaluate', 'run', '--reject')
    expect(own.stdout).toMatch(/of 1 class that the model does not know \d+ of 24 images are rejected \(\d/)
    const other = await run('evaluate', 'run', 'new', '--reject', '--json')
    const { rejection, images } = JSON.parse(other.stdout)
    expect(images).toBe(16)
    expect(rejection.unknown).toMatchObject({ images: 8, classes: ['stripes'] })
    expect(rejection.known.images).toBe(16)
  })

  it('need a share that is one', async () => {
    const { code, stderr } = await run('predict', 'run', 'new', '--reject', '--pass', '100')
    expect([code, stderr]).toEqual([2, 'error: --pass 100: expected per cent between 0 and 100, such as 95\n'])
  })
})
