/** `npm run test:sanitize`: the tests of the native addon, built with AddressSanitizer and UndefinedBehaviorSanitizer. */
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const compiler = process.env.CXX ?? 'g++'
const env = { ...process.env, REGRAFT_SANITIZE: '1', REGRAFT_BUILD: join(root, 'build', 'sanitize') }
const run = (command, args, more = {}) =>
  spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...env, ...more } }).status ?? 1

if (run(process.execPath, ['scripts/build-native.mjs']) !== 0) process.exit(1)
const { stdout } = spawnSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' })
// Node itself is not built for leak detection.
process.exitCode = run(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'dist/engines/onednn', 'dist/data/pixelLoops', '--testTimeout=300000'],
  { LD_PRELOAD: stdout.trim(), ASAN_OPTIONS: 'detect_leaks=0', UBSAN_OPTIONS: 'print_stacktrace=1' },
)
