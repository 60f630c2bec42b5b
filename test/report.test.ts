/** The report as a person asks for it: of a run that has finished, again in another language, and of folders that hold none. */
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { regraftHere, shapeImages, temporaryFolder } from './support.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
const at = (...parts: string[]) => join(folder.path, ...parts)
const report = (...args: string[]) => regraftHere(['report', ...args], { cwd: folder.path })

beforeAll(async () => {
  folder = await temporaryFolder()
  await shapeImages(at('images'), 20)
  const small = ['--network', 'resnet18-narrow', '--size', '32', '--batch-size', '8', '--epochs', '2']
  const { stderr } = await regraftHere(['train', 'images', ...small, '--run', 'run'], { cwd: folder.path })
  expect(stderr).not.toContain('error')
})
afterAll(() => folder.remove())

describe('regraft report', () => {
  it('writes the report and says where', async () => {
    const { code, stdout, stderr } = await report('run')
    expect(stderr).toBe('')
    expect(stdout).toBe('Report    run/report.html, run/report.md\n')
    expect(code).toBe(0)
    const { test } = JSON.parse(readFileSync(at('run/result.json'), 'utf8'))
    const accuracy = `${(100 * test.top1).toFixed(1)}\u00a0%`
    expect(readFileSync(at('run/report.html'), 'utf8')).toContain(accuracy)
    expect(readFileSync(at('run/report.md'), 'utf8')).toContain(accuracy)
    expect(existsSync(at('run/pictures/pictures.json'))).toBe(true)
  })

  it('needs the images no more, once the run has its pictures', async () => {
    await rm(at('images'), { recursive: true })
    const { code, stderr } = await report('run', '--language', 'zh')
    expect([code, stderr]).toEqual([0, ''])
    const html = readFileSync(at('run/report.html'), 'utf8')
    expect(html).toContain('测试准确率')
    expect(html).toContain('<img src="data:image/jpeg;base64,')
  })

  it('does without pictures where there are neither', async () => {
    await rm(at('run/pictures'), { recursive: true })
    const { code, stderr } = await report('run')
    expect(stderr).toMatch(/^warning: the report has no pictures: /)
    expect(code).toBe(0)
    expect(readFileSync(at('run/report.html'), 'utf8')).toContain('Test accuracy')
  })

  it('says what it needs', async () => {
    const nothing = await report('.')
    expect(nothing.stderr).toBe(
      "error: . holds no run (there is no config.json); name a folder that 'regraft train' made\n",
    )
    expect(nothing.code).toBe(7)
    const language = await report('run', '--language', 'fr')
    expect(language.stderr).toContain('Allowed choices are en, zh')
    expect(language.code).toBe(2)
  })
})
