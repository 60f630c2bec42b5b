/**
 * Builds the native engine where a compiler and oneDNN are there; otherwise says in one line how to get it. Plain Node, no
 * dependency. The environment can say otherwise:
 *   CXX                                           the compiler, in place of g++; clang++ needs its OpenMP: apt-get install libomp-dev
 *   REGRAFT_BUILD                                 the folder that the addon is built into and loaded from, in place of build/
 *   REGRAFT_SANITIZE                              with AddressSanitizer and UndefinedBehaviorSanitizer (npm run test:sanitize)
 *   REGRAFT_ONEDNN_INCLUDE, REGRAFT_ONEDNN_LIB    folders of another oneDNN, 2.6 or 3: the one that holds oneapi/dnnl/dnnl.hpp,
 *                                                 and the one that holds libdnnl.so
 *   REGRAFT_NO_APT                                install nothing
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const sources = join(root, 'native', 'src')
const folder = process.env.REGRAFT_BUILD || join(root, 'build')
const addon = join(folder, 'regraft_native.node')
const compiler = process.env.CXX || 'g++'
const has = (command, args = ['--version']) => spawnSync(command, args, { stdio: 'ignore' }).status === 0

/** The CPU's abilities that a compiler makes use of, by the kernel's names; src/base/addon.ts compares them before it loads. */
function instructions() {
  const flags = existsSync('/proc/cpuinfo') ? /^flags.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] : ''
  return flags?.match(/\b(?:s?sse|avx|amx|fma|f16c|bmi|abm|adx|movbe|popcnt|gfni|sha|v?aes|v?pclmul)\S*/g) ?? []
}

/** Every source and header, below the folder of the sources. */
const sourceFiles = () =>
  readdirSync(sources, { recursive: true })
    .map(name => String(name).replaceAll('\\', '/'))
    .filter(name => /\.(cc|h)$/.test(name))
    .sort()

/** The kernels are compiled for this CPU: on another one they are compiled again. */
function stamp(flags) {
  const hash = createHash('sha256')
  for (const name of sourceFiles()) hash.update(name).update(readFileSync(join(sources, name)))
  return hash
    .update(flags.join(' '))
    .update(process.version)
    .update(cpus()[0]?.model ?? '')
    .update(instructions().join(' '))
    .digest('hex')
}

/** Debian and Ubuntu have oneDNN as a package; it is installed where that needs no question. */
function installPackages() {
  if (process.env.REGRAFT_NO_APT || !existsSync('/etc/debian_version') || !has('apt-get')) return
  const sudo = process.getuid?.() === 0 ? [] : has('sudo', ['-n', 'true']) ? ['sudo', '-n'] : undefined
  if (!sudo) return
  process.stderr.write('Installing libdnnl-dev and g++ …\n')
  const apt = (...args) =>
    spawnSync([...sudo, 'apt-get'][0], [...sudo, 'apt-get', ...args].slice(1), {
      stdio: 'ignore',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  if (apt('install', '-y', 'libdnnl-dev', 'g++').status !== 0) {
    apt('update')
    apt('install', '-y', 'libdnnl-dev', 'g++')
  }
}

const headers = () =>
  (process.env.REGRAFT_ONEDNN_INCLUDE
    ? [process.env.REGRAFT_ONEDNN_INCLUDE]
    : ['/usr/include', '/usr/local/include']
  ).some(at => existsSync(join(at, 'oneapi', 'dnnl', 'dnnl.hpp')))

/** Compiles one file; resolves with what the compiler said where it failed. */
const compile = (flags, source, object) =>
  new Promise(done => {
    const child = spawn(compiler, [...flags, '-c', source, '-o', object])
    let said = ''
    child.stderr.on('data', chunk => {
      said += chunk
    })
    child.on('error', error => done(error.message))
    child.on('close', code => done(code === 0 ? undefined : said))
  })

function without(why) {
  process.stderr.write(
    `The fast engine is not built (${why}); the portable one is used. Later: npx regraft build-native\n`,
  )
  return false
}

/** @returns whether the native engine is there; where not, a line on standard error says why */
export async function buildNative() {
  try {
    return await build()
  } catch (error) {
    if (error.syscall === undefined) throw error
    return without(`${error.message}; REGRAFT_BUILD=FOLDER names another folder to build it into and to load it from`)
  }
}

async function build() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return without(`it is for Linux on x86-64, this is ${process.platform} ${process.arch}`)
  if (!has(compiler) || !headers()) installPackages()
  if (!has(compiler)) return without('there is no C++ compiler: apt-get install g++')
  if (!headers()) return without('oneDNN is not installed: apt-get install libdnnl-dev')
  const require = createRequire(join(root, 'package.json'))
  const include = name =>
    join(dirname(require.resolve(`${name}/package.json`)), name === 'node-api-headers' ? 'include' : '.')
  const sanitize = process.env.REGRAFT_SANITIZE
    ? [
        '-fsanitize=address,undefined',
        '-fno-sanitize-recover=undefined',
        '-D_GLIBCXX_ASSERTIONS',
        '-fno-omit-frame-pointer',
        '-g',
        '-O1',
      ]
    : ['-O3']
  const flags = [
    '-std=c++17',
    ...sanitize,
    '-march=native',
    '-fopenmp',
    '-fPIC',
    '-fno-math-errno',
    '-Wall',
    '-Wextra',
    '-DNAPI_CPP_EXCEPTIONS',
    '-DNAPI_VERSION=8',
    `-I${sources}`,
  ]
  const includes = ['node-api-headers', 'node-addon-api'].flatMap(name => ['-isystem', include(name)])
  const { REGRAFT_ONEDNN_INCLUDE: otherHeaders, REGRAFT_ONEDNN_LIB: otherLibrary } = process.env
  if (otherHeaders) includes.push('-isystem', otherHeaders)
  const libraries = [...(otherLibrary ? [`-L${otherLibrary}`, `-Wl,-rpath,${otherLibrary}`] : []), '-ldnnl']
  const wanted = stamp([...flags, ...includes, ...libraries])
  const mark = join(folder, 'stamp')
  if (existsSync(addon) && existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return true
  process.stderr.write('Compiling the native engine …\n')
  const began = Date.now()
  mkdirSync(join(folder, 'objects'), { recursive: true })
  const files = sourceFiles().filter(name => name.endsWith('.cc'))
  const objects = files.map(name => join(folder, 'objects', `${name.replaceAll('/', '-')}.o`))
  const queue = [...files.keys()]
  const failures = []
  const worker = async () => {
    for (let i = queue.shift(); i !== undefined; i = queue.shift()) {
      const failure = await compile([...flags, ...includes], join(sources, files[i]), objects[i])
      if (failure) failures.push(failure)
    }
  }
  await Promise.all(cpus().slice(0, 4).map(worker))
  if (failures.length > 0) return without(`it does not compile:\n${failures.join('\n').slice(0, 4000)}\n`)
  // Linked aside and renamed: a process that has the old one loaded keeps it.
  const linked = spawnSync(compiler, ['-shared', ...flags, ...objects, ...libraries, '-o', `${addon}.part`], {
    encoding: 'utf8',
  })
  if (linked.status !== 0) return without(`it does not link:\n${linked.stderr.slice(0, 4000)}\n`)
  writeFileSync(join(folder, 'instructions'), instructions().join(' '))
  renameSync(`${addon}.part`, addon)
  writeFileSync(mark, wanted)
  process.stderr.write(`Compiling the native engine: done in ${((Date.now() - began) / 1000).toFixed(0)} s\n`)
  return true
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = (await buildNative()) ? 0 : 1
