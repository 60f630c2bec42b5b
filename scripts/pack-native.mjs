/**
 * `npm run pack:native -- --out FOLDER`: makes the npm package @regraft/onednn-linux-x64, the fast engine without a compiler.
 * Needs g++ 11 or later, pip and dpkg-deb; what it fetches (Debian 11's C library to link against, its libgomp, and Intel's
 * build of oneDNN) is pinned by SHA-256. docs/packages.md tells why it is these.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const sources = join(root, 'native', 'src')
const require = createRequire(join(root, 'package.json'))
const compiler = process.env.CXX ?? 'g++'

/** The newest symbols that Debian 11 and Ubuntu 20.04 both have. */
const newest = { GLIBC: '2.31', GLIBCXX: '3.4.28', CXXABI: '1.3.12' }
const mostBytes = 25e6

/** Own kernels, best first: what the compiler may use, and what the kernel must then name in /proc/cpuinfo. */
const avx2 = ['avx', 'avx2', 'fma', 'f16c', 'bmi1', 'bmi2', 'abm', 'movbe', 'popcnt', 'sse4_1', 'sse4_2', 'ssse3']
const avx512 = [...avx2, 'avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl']
const bfloat16 = [...avx512, 'avx512_vnni', 'avx512_bf16']
const levels = [
  {
    addon: 'amx.node',
    instructions: [...bfloat16, 'amx_tile', 'amx_bf16'],
    flags: ['-march=x86-64-v4', '-mavx512vnni', '-mavx512bf16', '-mamx-tile', '-mamx-bf16'],
  },
  { addon: 'bfloat16.node', instructions: bfloat16, flags: ['-march=x86-64-v4', '-mavx512vnni', '-mavx512bf16'] },
  { addon: 'avx512.node', instructions: avx512, flags: ['-march=x86-64-v4'] },
  { addon: 'avx2.node', instructions: avx2, flags: ['-march=x86-64-v3'] },
]

const debian = [
  ['g/glibc/libc6_2.31-13+deb11u11_amd64.deb', '05f7264da867b37f4c5ce49266b558ea1e81e05a9464f623152fca70f3550282'],
  ['g/glibc/libc6-dev_2.31-13+deb11u11_amd64.deb', 'e7f7b45d9c5cfcf37609f0b6efd3c645272c812144703af89dfd32218fcb0fd3'],
  ['l/linux/linux-libc-dev_5.10.223-1_amd64.deb', 'e3be603bd12377bb90fcfb0f2048ca3a81c886e49d6f09945b82159d1c54f7b2'],
  ['g/gcc-10/libgcc-s1_10.2.1-6_amd64.deb', 'e478f2709d8474165bb664de42e16950c391f30eaa55bc9b3573281d83a29daf'],
  ['g/gcc-10/libgomp1_10.2.1-6_amd64.deb', '4530c95aefa48e33fd8cf4acbe5c4b559dbe7bdf4c56469986c83a203982cef1'],
  ['g/gcc-10/gcc-10-base_10.2.1-6_amd64.deb', 'be65535e94f95fbf04b104e8ab36790476f063374430f7dfc6c516cbe2d2cd1e'],
  [
    'b/base-files/base-files_11.1+deb11u11_amd64.deb',
    'a7cc59f25ad7f3b87c000f33baf12678592be2c62776d03cf8f0f935f846acdc',
  ],
]
const wheels = [
  ['onednn-cpu-gomp', '2f22a54d6a890ed14bfa185d42a4be65d8b5b1df85dc1f0f3a9abe31620416fb'],
  ['onednn-devel-cpu-gomp', '9763c69e8c907e119056bd52ad918ca84ac9ba939d130a99dfa95ccca3e5e284'],
]

const run = (command, ...args) => execFileSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 28 })

/** @returns a folder that stands for Debian 11: link against it, and nothing newer can be asked for */
async function debian11(folder) {
  const system = join(folder, 'debian11')
  for (const [path, digest] of debian) {
    const answers = [
      'https://deb.debian.org/debian',
      'http://deb.debian.org/debian',
      'http://archive.debian.org/debian',
    ]
    let bytes
    for (const archive of answers) {
      const answer = await fetch(`${archive}/pool/main/${path}`).catch(() => undefined)
      if (!answer?.ok) continue
      bytes = Buffer.from(await answer.arrayBuffer())
      break
    }
    if (!bytes) throw new Error(`${path} cannot be had from Debian's archive`)
    if (createHash('sha256').update(bytes).digest('hex') !== digest) throw new Error(`${path} is not the file it was`)
    const at = join(folder, 'package.deb')
    writeFileSync(at, bytes)
    run('dpkg-deb', '-x', at, system)
  }
  holdLinksInside(system)
  return system
}

/** Links that begin at the root mean this folder, whose root they were made for; the linker would leave it by them. */
function holdLinksInside(system) {
  for (const entry of readdirSync(system, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue
    const link = join(entry.parentPath, entry.name)
    const goal = readlinkSync(link)
    if (!isAbsolute(goal)) continue
    rmSync(link)
    symlinkSync(relative(entry.parentPath, join(system, goal)), link)
  }
}

/** @returns the folder with include/ and lib/ of oneDNN as Intel builds it for every Linux since glibc 2.27 */
function oneDnn(folder) {
  const list = join(folder, 'wheels.txt')
  writeFileSync(list, wheels.map(([name, digest]) => `${name}==2023.2.0 --hash=sha256:${digest}\n`).join(''))
  run('pip', 'download', '--quiet', '--no-deps', '--require-hashes', '--dest', join(folder, 'wheels'), '-r', list)
  const at = join(folder, 'onednn')
  for (const name of readdirSync(join(folder, 'wheels')))
    run('python3', '-m', 'zipfile', '-e', join(folder, 'wheels', name), at)
  const merged = join(folder, 'onednn-merged')
  for (const name of readdirSync(at).filter(name => name.endsWith('.data')))
    cpSync(join(at, name, 'data'), merged, { recursive: true })
  return merged
}

const compile = args =>
  new Promise((done, fail) => {
    const child = spawn(compiler, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', fail)
    child.on('close', code => (code === 0 ? done() : fail(new Error(`${compiler} ended with ${code}`))))
  })

/** Compiles the addon for one level, against Debian 11's C library; the C++ library is linked into it. */
async function build(level, folder, system, dnnl, target) {
  const include = name =>
    join(dirname(require.resolve(`${name}/package.json`)), name === 'node-api-headers' ? 'include' : '.')
  const flags = [
    '-std=c++17',
    '-O3',
    ...level.flags,
    `--sysroot=${system}`,
    '-fopenmp',
    '-fPIC',
    '-fno-math-errno',
    '-Wno-psabi',
    '-Wno-ignored-attributes',
    '-DNAPI_CPP_EXCEPTIONS',
    '-DNAPI_VERSION=8',
    `-I${sources}`,
  ]
  const includes = [...cxxHeaders(), include('node-api-headers'), include('node-addon-api'), join(dnnl, 'include')]
  const objects = join(folder, level.addon)
  mkdirSync(objects)
  const files = readdirSync(sources, { recursive: true })
    .map(String)
    .filter(name => name.endsWith('.cc'))
  const queue = [...files]
  const worker = async () => {
    for (let name = queue.shift(); name; name = queue.shift())
      await compile([
        ...flags,
        '-nostdinc++',
        ...includes.flatMap(at => ['-isystem', at]),
        '-c',
        join(sources, name),
        '-o',
        join(objects, `${name.replaceAll('/', '-')}.o`),
      ])
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  await compile([
    '-shared',
    ...flags,
    // A compiler looks beside itself first, where this machine's C library is.
    `-B${system}/usr/lib/x86_64-linux-gnu`,
    `-L${system}/usr/lib/x86_64-linux-gnu`,
    `-L${system}/lib/x86_64-linux-gnu`,
    ...files.map(name => join(objects, `${name.replaceAll('/', '-')}.o`)),
    join(dnnl, 'lib', 'libdnnl.so.3'),
    join(system, 'usr', 'lib', 'x86_64-linux-gnu', 'libgomp.so.1'),
    '-static-libstdc++',
    '-Wl,--exclude-libs,ALL',
    // A path that libraries of libraries inherit, and that LD_LIBRARY_PATH does not come before.
    '-Wl,--disable-new-dtags,-rpath,$ORIGIN',
    '-lpthread',
    '-s',
    '-o',
    join(target, level.addon),
  ])
}

/** The compiler's own C++ headers, which a system of another age does not have. */
function cxxHeaders() {
  const major = run(compiler, '-dumpversion').trim().split('.')[0]
  const triple = run(compiler, '-dumpmachine').trim()
  return [`/usr/include/c++/${major}`, `/usr/include/${triple}/c++/${major}`].filter(existsSync)
}

const later = (a, b) => a.localeCompare(b, 'en', { numeric: true }) > 0

/** Throws where a library asks for more than the oldest systems have; says the newest that it asks for. */
function checkSymbols(path) {
  const symbols = run('objdump', '-T', path)
  // A name without a version is in Node, in oneDNN, or in nothing that these systems have.
  const unknown = [...symbols.matchAll(/^(.*\*UND\*\s+\S+\s+)((?!napi_|dnnl_|_ITM_|__gmon_start__)\S+)$/gm)]
    .filter(([, kind]) => !kind.includes(' w '))
    .map(([, , name]) => name)
  if (unknown.length > 0) throw new Error(`${path} needs ${unknown.join(', ')}, which Debian 11 does not have`)
  const asked = symbols.matchAll(/\b(GLIBC|GLIBCXX|CXXABI)_([0-9.]+)/g)
  const most = {}
  for (const [, library, version] of asked) if (!most[library] || later(version, most[library])) most[library] = version
  for (const [library, version] of Object.entries(most))
    if (later(version, newest[library]))
      throw new Error(`${path} needs ${library}_${version}; Debian 11 and Ubuntu 20.04 have ${newest[library]}`)
  return Object.entries(most)
    .map(pair => pair.join('_'))
    .join(', ')
}

function describe(target) {
  const { version, license, engines } = require('./package.json')
  const description = {
    name: '@regraft/onednn-linux-x64',
    version,
    description: "Regraft's fast engine for Linux on x86-64, compiled: an optional dependency of regraft.",
    license: `${license} AND Apache-2.0 AND GPL-3.0-or-later WITH GCC-exception-3.1`,
    os: ['linux'],
    cpu: ['x64'],
    libc: ['glibc'],
    engines,
    exports: { './levels.json': './levels.json', './package.json': './package.json' },
    preferUnplugged: true,
  }
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(description, null, 2)}\n`)
  const list = levels.map(({ addon, instructions }) => ({ addon, instructions }))
  writeFileSync(join(target, 'levels.json'), `${JSON.stringify(list, null, 2)}\n`)
  writeFileSync(
    join(target, 'README.md'),
    `# @regraft/onednn-linux-x64

[regraft](https://www.npmjs.com/package/regraft)'s fast engine, compiled for Linux on x86-64 with glibc 2.31 or later. npm installs
it beside regraft; there is nothing to import from it.

- \`*.node\`: the engine (MIT), for each level of instructions.
- \`libdnnl.so.3\`: oneDNN 3.2 as Intel builds it (Apache-2.0, \`licences/onednn\`), without its symbol table.
- \`libgomp.so.1\`: GCC's OpenMP runtime as Debian 11 builds it (GPL 3 or later with the GCC Runtime Library Exception,
  \`licences/libgomp\`). Its source is Debian's source package gcc-10 10.2.1-6: https://snapshot.debian.org/package/gcc-10/10.2.1-6/
`,
  )
}

const { values } = parseArgs({ options: { out: { type: 'string' } } })
if (!values.out) {
  process.stderr.write('Say where the package goes: npm run pack:native -- --out FOLDER\n')
  process.exit(2)
}
if (process.platform !== 'linux' || process.arch !== 'x64') {
  process.stderr.write(`The package is made on Linux on x86-64; this is ${process.platform} ${process.arch}.\n`)
  process.exit(2)
}
const out = resolve(values.out)
const folder = mkdtempSync(join(tmpdir(), 'regraft-pack-'))
try {
  process.stderr.write('Fetching Debian 11 and oneDNN …\n')
  const system = await debian11(folder)
  const dnnl = oneDnn(folder)
  const target = join(folder, 'package')
  mkdirSync(join(target, 'licences'), { recursive: true })
  for (const level of levels) {
    process.stderr.write(`Compiling ${level.addon} …\n`)
    await build(level, folder, system, dnnl, target)
  }
  copyFileSync(join(dnnl, 'lib', 'libdnnl.so.3'), join(target, 'libdnnl.so.3'))
  run('strip', '--strip-unneeded', join(target, 'libdnnl.so.3'))
  copyFileSync(join(system, 'usr', 'lib', 'x86_64-linux-gnu', 'libgomp.so.1'), join(target, 'libgomp.so.1'))
  copyFileSync(join(root, 'LICENSE'), join(target, 'LICENSE'))
  cpSync(join(dnnl, 'share', 'doc', 'onednn'), join(target, 'licences', 'onednn'), { recursive: true })
  mkdirSync(join(target, 'licences', 'libgomp'))
  // The copyright file names the licence by where Debian has it
  for (const from of ['doc/gcc-10-base/copyright', 'common-licenses/GPL-3'])
    copyFileSync(join(system, 'usr', 'share', from), join(target, 'licences', 'libgomp', basename(from)))
  for (const name of readdirSync(target).filter(name => /\.(node|so\.\d)$/.test(name)))
    process.stdout.write(`${name}: at most ${checkSymbols(join(target, name))}\n`)
  describe(target)
  mkdirSync(out, { recursive: true })
  const [packed] = JSON.parse(run('npm', 'pack', target, '--json', '--pack-destination', out))
  if (packed.size > mostBytes) throw new Error(`the package is ${packed.size} bytes, ${mostBytes} are allowed`)
  process.stdout.write(`${join(out, packed.filename)}: ${(packed.size / 1e6).toFixed(1)} MB\n`)
} catch (error) {
  process.stderr.write(`The package was not made: ${error.message}\n`)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
