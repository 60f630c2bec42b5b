/** Loads the native addon: the one that was built here, or the one that npm installed. Rooms that use it say what they use. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isCutOff } from './cutOff.js'
import { cpuFlags } from './machine.js'

const requireHere = createRequire(import.meta.url)

/** Where the build puts it: see scripts/build-native.mjs. */
const built = resolve(
  process.env.REGRAFT_BUILD || fileURLToPath(new URL('../../build', import.meta.url)),
  'regraft_native.node',
)

/** The package that holds it compiled, of the same version as this one: see scripts/pack-native.mjs. */
const packageName = `@regraft/onednn-${process.platform}-${process.arch}`

/** One of the package's addons, which lists the best first, with the instructions that it needs, in the kernel's words. */
interface Level {
  readonly addon: string
  readonly instructions: readonly string[]
}

// Checked by hand: every thread that reads images loads this file, and a library of schemas would be most of its start
const isLevel = (value: unknown): value is Level => {
  const { addon, instructions } = Object(value) as Partial<Record<keyof Level, unknown>>
  return (
    typeof addon === 'string' && Array.isArray(instructions) && instructions.every(name => typeof name === 'string')
  )
}
const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))
const versionOf = (path: string): string => String((readJson(path) as { version?: unknown }).version)

let loaded: object | string | undefined

/** What the addon exports, or in words why it is not there. */
export function loadAddon(): object | string {
  loaded ??= load()
  return loaded
}

function load(): object | string {
  if (process.env.REGRAFT_NO_NATIVE) return 'switched off by REGRAFT_NO_NATIVE'
  // GNU's OpenMP reads this when it is loaded. By default its threads spin for milliseconds wherever they wait for each
  // other, which takes the cores from whatever else runs (decoding of images) and multiplies the time of a step.
  process.env.GOMP_SPINCOUNT ??= '10000'
  const own = loadBuilt()
  // Whoever names a folder means that one.
  if (typeof own !== 'string' || process.env.REGRAFT_BUILD) return own
  const packaged = loadPackaged()
  return packaged === undefined || (typeof packaged === 'string' && existsSync(built)) ? own : packaged
}

/** Instructions that this CPU lacks: an addon that was compiled for them would end the process without a word. */
const lacking = (instructions: readonly string[]): string[] => {
  const flags = cpuFlags()
  return instructions.filter(name => name && !flags.has(name))
}

/** Of what Node says of a module that cannot be loaded, the line that tells why. */
const inShort = (error: unknown): string => (error as Error).message.split('\n')[0] as string

function loadBuilt(): object | string {
  if (!existsSync(built)) return notThere()
  if (isCutOff(built)) return `${built} is cut off; remove it, and 'npx regraft build-native' builds it anew`
  const list = resolve(dirname(built), 'instructions')
  const missing = existsSync(list) ? lacking(readFileSync(list, 'utf8').split(' ')) : []
  if (missing.length > 0)
    return `it was built on another CPU (this one lacks ${missing.slice(0, 3).join(', ')}); 'npx regraft build-native' builds it for this one`
  try {
    return requireHere(built) as object
  } catch (error) {
    return `it cannot be loaded (${inShort(error)}); 'npx regraft build-native' builds it anew`
  }
}

function notThere(): string {
  if (process.env.REGRAFT_BUILD) return `there is no ${built}, where REGRAFT_BUILD says that it is`
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `it is for Linux on x86-64, this is ${process.platform} ${process.arch}`
  return `neither npm's package ${packageName} nor an own build is here; 'npm install' without --omit=optional brings the first, 'npx regraft build-native' makes the second where g++ and oneDNN (libdnnl-dev) are installed`
}

/** The package's addon for this CPU, in words why it does not serve, or nothing where npm did not install the package. */
function loadPackaged(): object | string | undefined {
  let list: string
  try {
    list = requireHere.resolve(`${packageName}/levels.json`)
  } catch {
    return undefined
  }
  const folder = dirname(list)
  try {
    const theirs = versionOf(join(folder, 'package.json'))
    const ours = versionOf(fileURLToPath(new URL('../../package.json', import.meta.url)))
    if (theirs !== ours)
      return `${packageName} is version ${theirs}, regraft ${ours}; 'npm install regraft@${ours}' brings both together`
    const levels = readJson(list)
    if (!Array.isArray(levels) || !levels.every(isLevel)) throw new Error(`${list} is no list of addons`)
    const choice = levels.find(({ instructions }) => lacking(instructions).length === 0)
    if (!choice) return `${packageName} needs a CPU with AVX2, which this one is not`
    const libraries = readdirSync(folder).filter(name => name.includes('.so'))
    const cut = [choice.addon, ...libraries].find(name => isCutOff(join(folder, name)))
    if (cut !== undefined) throw new Error(`${cut} is cut off`)
    return requireHere(join(folder, choice.addon)) as object
  } catch (error) {
    return `${packageName} cannot be loaded (${inShort(error)}); remove the folder ${folder}, and 'npm install' brings it anew`
  }
}
