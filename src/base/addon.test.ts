import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
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

    it('is not loaded where it is cut off, which would end the process without a word', () => {
      const folder = temporary('cut')
      mkdirSync(folder)
      const addon = readFileSync(join(build, 'regraft_native.node'))
      for (const length of [addon.length - 1, addon.length >> 1, 4096]) {
        writeFileSync(join(folder, 'regraft_native.node'), addon.subarray(0, length))
        expect(loadedFrom(folder)).toBe(
          `${join(folder, 'regraft_native.node')} is cut off; remove it, and 'npx regraft build-native' builds it anew`,
        )
      }
    })

    it('says where it was looked for, and where it cannot be built', () => {
      const file = join(temporary('none'), 'regraft_native.node')
      expect(loadedFrom(dirname(file))).toBe(`there is no ${file}, where REGRAFT_BUILD says that it is`)
      const { status, stderr } = spawnSync(process.execPath, ['scripts/build-native.mjs'], {
        env: { ...process.env, REGRAFT_NO_APT: '1', REGRAFT_BUILD: join(resolve('package.json'), 'build') },
        encoding: 'utf8',
      })
      expect(stderr).toMatch(/^The fast engine is not built \(ENOTDIR.*; REGRAFT_BUILD=FOLDER names another folder/m)
      expect(status).toBe(1)
    })

    it('says that it is damaged', () => {
      const folder = temporary('damaged')
      mkdirSync(folder)
      writeFileSync(join(folder, 'regraft_native.node'), 'nothing')
      expect(loadedFrom(folder)).toMatch(/^it cannot be loaded \(.*\); 'npx regraft build-native' builds it anew$/)
    })
  })
