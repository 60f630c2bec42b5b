import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadAddon } from './addon.js'
import { temporaryFolder } from './folder.testing.js'

const build = resolve(process.env.REGRAFT_BUILD ?? 'build')
const temporary = temporaryFolder()

/** What a process of its own says of the addon in a folder. */
const loadedFrom = (folder: string): string =>
  execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `const { loadAddon } = await import('${import.meta.resolve('./addon.js')}')
       const addon = loadAddon()
       console.log(typeof addon === 'string' ? addon : 'loaded')`,
    ],
    { env: { ...process.env, REGRAFT_BUILD: folder }, encoding: 'utf8' },
  ).trim()

const reason = loadAddon()
if (typeof reason === 'string')
  describe('the native addon', () => it.skip(`skipped: needs the native engine (${reason})`, () => {}))
else
  describe('the native addon', () => {
    it('is not loaded on a CPU that lacks instructions it was built for, and says so', () => {
      const folder = temporary('moved')
      mkdirSync(folder)
      for (const name of ['regraft_native.node', 'instructions']) cpSync(join(build, name), join(folder, name))
      expect(loadedFrom(folder)).toBe('loaded')
      const list = join(folder, 'instructions')
      writeFileSync(list, `${readFileSync(list, 'utf8')} avx1024f`)
      expect(loadedFrom(folder)).toBe(
        "it was built on another CPU (this one lacks avx1024f); 'npx regraft build-native' builds it for this one",
      )
    })

    it('says that it is damaged', () => {
      const folder = temporary('damaged')
      mkdirSync(folder)
      writeFileSync(join(folder, 'regraft_native.node'), 'nothing')
      expect(loadedFrom(folder)).toMatch(/^it cannot be loaded \(.*\); 'npx regraft build-native' builds it anew$/)
    })
  })
