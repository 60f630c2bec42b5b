/** Loads the native addon, where it is built. Rooms that use it say what they use. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the build puts it: see scripts/build-native.mjs. */
const addonPath = resolve(
  process.env.REGRAFT_BUILD ?? fileURLToPath(new URL('../../build', import.meta.url)),
  'regraft_native.node',
)

let loaded: object | string | undefined

/** What the addon exports, or in words why it is not there. */
export function loadAddon(): object | string {
  loaded ??= load()
  return loaded
}

function load(): object | string {
  if (process.env.REGRAFT_NO_NATIVE) return 'switched off by REGRAFT_NO_NATIVE'
  if (!existsSync(addonPath))
    return "it is not built; 'npx regraft build-native' builds it where g++ and oneDNN (libdnnl-dev) are installed"
  // GNU's OpenMP reads this when it is loaded. By default its threads spin for milliseconds wherever they wait for each
  // other, which takes the cores from whatever else runs (decoding of images) and multiplies the time of a step.
  process.env.GOMP_SPINCOUNT ??= '10000'
  try {
    return createRequire(import.meta.url)(addonPath) as object
  } catch (error) {
    return `it cannot be loaded (${(error as Error).message}); 'npx regraft build-native' builds it anew`
  }
}
