/** `npm run test:nodes`: the tests of the packed package on every Node version that is promised, whose binaries come from npm. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { arch, platform, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20', '22', '24', 'latest']
const folder = mkdtempSync(join(tmpdir(), 'regraft-nodes-'))
const run = (command, args, more) => spawnSync(command, args, { stdio: 'inherit', cwd: root, ...more }).status ?? 1

if (run(process.execPath, ['scripts/setup.mjs']) !== 0) process.exit(1)
const failed = []
try {
  for (const version of versions) {
    const at = join(folder, version)
    const binaries = `node-${platform()}-${arch()}`
    const install = ['install', '--prefix', at, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts']
    if (run('npm', [...install, `${binaries}@${version}`]) !== 0) {
      failed.push(`${version} (not to be had from npm)`)
      continue
    }
    const bin = join(at, 'node_modules', binaries, 'bin')
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
    const node = join(bin, 'node')
    process.stdout.write(`\nNode ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout}`)
    if (run(node, ['node_modules/vitest/vitest.mjs', 'run', 'test/package.test.ts'], { env }) !== 0)
      failed.push(version)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (failed.length > 0) {
  process.stderr.write(`The packed package fails on Node ${failed.join(', ')}.\n`)
  process.exit(1)
}
