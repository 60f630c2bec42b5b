/** Loads the native addon, where it is built. Rooms that use it say what they use. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cpuFlags } from './machine.js'

/** Where the build puts it: see scripts/build-native.mjs. */
const addonPath = resolve(
  process.env.REGRAFT_BUILD ?? fileURLToPath(new URL('../../build', import.meta.url)),
  'regraft_native.node',
)

let loaded: object | string | undefined

/** Instructions that the addon was compiled for and this CPU lacks: it would end the process without a word. */
function missingInstructions(): string[] {
  const list = resolve(dirname(addonPath), 'instructions')
  const flags = cpuFlags()
  return existsSync(list)
    ? readFileSync(list, 'utf8')
        .split(' ')
        .filter(name => name && !flags.has(name))
    : []
}

/** What the addon exports, or in words why it is not there. */
export function loadAddon(): object | string {
  loaded ??= load()
  return loaded
}

function load(): object | string {
  if (process.env.REGRAFT_NO_NATIVE) return 'switched off by REGRAFT_NO_NATIVE'
  if (!existsSync(addonPath))
    return "it is not built; 'npx regraft build-native' builds it where g++ and oneDNN (libdnnl-dev) are installed"
  const missing = missingInstructions()
  if (missing.length > 0)
    return `it was built on another CPU (this one lacks ${missing.slice(0, 3).join(', ')}); 'npx regraft build-native' builds it for this one`
  // GNU's OpenMP reads this when it is loaded. By default its threads spin for milliseconds wherever they wait for each
  // other, which takes the cores from whatever else runs (decoding of images) and multiplies the time of a step.
  process.env.GOMP_SPINCOUNT ??= '10000'
  try {
    return createRequire(import.meta.url)(addonPath) as object
  } catch (error) {
    return `it cannot be loaded (${(error as Error).message}); 'npx regraft build-native' builds it anew`
  }
}
