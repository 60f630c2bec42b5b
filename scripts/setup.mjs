/** Makes a fresh clone ready: installs packages, compiles TypeScript and, where it can, the native engine. Does only what is missing. */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const needed = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace('>=', '')
if (process.versions.node.localeCompare(needed, 'en', { numeric: true }) < 0) {
  console.error(`Regraft needs Node ${needed} or later; this is ${process.version}.`)
  process.exit(2)
}

/** Runs a command; its output is shown only where it fails. */
function run(what, command, args) {
  process.stderr.write(`${what} …\n`)
  const began = Date.now()
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    maxBuffer: 2 ** 28,
  })
  if (status !== 0) {
    process.stderr.write(
      `${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}${what} failed: ${command} ${args.join(' ')}\n`,
    )
    process.exit(1)
  }
  process.stderr.write(`${what}: done in ${((Date.now() - began) / 1000).toFixed(0)} s\n`)
}

/** Packages are up to date where the lock file is the one that was installed last. */
function installPackages() {
  const stamp = join(root, 'node_modules', '.installed-lock')
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  run('Installing packages', 'npm', ['ci', '--no-audit', '--no-fund'])
  writeFileSync(stamp, lock)
}

/** Pages are bundles: their files have no sources of their own. */
const pages = ['web', 'webClassifier'].map(name => join(root, 'dist', name))

/** Compiled files whose source is gone would still be found by tests. */
function removeStale(folder) {
  if (!existsSync(folder) || pages.includes(folder)) return
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) removeStale(path)
    else {
      const source = path.replace(join(root, 'dist'), join(root, 'src')).replace(/\.(d\.ts|js|js\.map)$/, '.ts')
      if (source.endsWith('.ts') && !existsSync(source)) rmSync(path)
    }
  }
}

/** The dashboard's page and the exported one, where a source of them is newer. */
function buildPages() {
  const sources = join(root, 'src', 'web')
  if (!existsSync(sources)) return
  const files = readdirSync(sources, { recursive: true }).map(name => statSync(join(sources, String(name))).mtimeMs)
  const newest = Math.max(...files)
  const built = pages.map(page => join(page, 'index.html'))
  const whole = folder =>
    existsSync(folder) && readdirSync(folder, { recursive: true }).some(name => /\.js$/.test(name))
  if (pages.every(whole) && built.every(page => existsSync(page) && statSync(page).mtimeMs > newest)) return
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  const config = ['-c', 'src/web/vite.config.mjs', '--logLevel', 'warn']
  run('Building the pages', process.execPath, [vite, 'build', 'src/web', ...config])
  run('Building the exported page', process.execPath, [
    vite,
    'build',
    'src/web/classifier',
    ...config,
    '--mode',
    'classifier',
  ])
}

/** `npx regraft` in the clone finds the command that was just compiled. */
function linkCommand() {
  const main = join(root, 'dist', 'cli', 'main.js')
  chmodSync(main, 0o755)
  const link = join(root, 'node_modules', '.bin', 'regraft')
  if (process.platform === 'win32' || existsSync(link)) return
  mkdirSync(dirname(link), { recursive: true })
  rmSync(link, { force: true })
  symlinkSync(join('..', '..', 'dist', 'cli', 'main.js'), link)
}

installPackages()
run('Compiling', process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json'])
removeStale(join(root, 'dist'))
buildPages()
linkCommand()
const native = new URL('./build-native.mjs', import.meta.url)
if (existsSync(native)) await (await import(native.href)).buildNative()
