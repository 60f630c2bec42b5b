/** `npm run test:sanitize`: the tests of the native addon, built with AddressSanitizer and UndefinedBehaviorSanitizer. */
import { spawnSync } from 'node:child_process'
import { dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const compiler = process.env.CXX ?? 'g++'
const env = { ...process.env, REGRAFT_SANITIZE: '1', REGRAFT_BUILD: join(root, 'build', 'sanitize') }
const run = (command, args, more = {}) =>
  spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...env, ...more } }).status ?? 1

const stop = why => {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}

if (run(process.execPath, ['scripts/build-native.mjs']) !== 0) stop('Without the addon there is nothing to test.')
// A name without a folder is the compiler's way to say that it has none.
const library = spawnSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout?.trim() ?? ''
if (!isAbsolute(library))
  stop(`${compiler} has no libasan.so, which comes with g++: apt-get install g++, and leave CXX alone`)

// Node itself is not built for leak detection.
const sanitized = { LD_PRELOAD: library, ASAN_OPTIONS: 'detect_leaks=0', UBSAN_OPTIONS: 'print_stacktrace=1' }
const loads = `import { loadAddon } from './dist/base/addon.js'
const addon = loadAddon()
if (typeof addon === 'string') throw new Error(addon)`
// Tests skip an addon that is not there.
if (run(process.execPath, ['--input-type=module', '--eval', loads], sanitized) !== 0)
  stop('The addon that was built for this does not load, so there is nothing to test.')

const parts = [
  [
    'dist/data/decode/pixelLoops',
    'dist/engines/onednn',
    ...['updates', 'precision', 'bfloat16', 'recompute', 'l2sp'].map(name => `dist/engines/${name}`),
  ],
  ['dist/engines/golden', '--testNamePattern=^onednn'],
]
const failed = parts.filter(
  tests =>
    run(
      process.execPath,
      ['node_modules/vitest/vitest.mjs', 'run', '--reporter=verbose', '--testTimeout=300000', ...tests],
      sanitized,
    ) !== 0,
)
process.exitCode = failed.length === 0 ? 0 : 1
