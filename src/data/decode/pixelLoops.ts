/** The loops that all images pass through: the native addon's where it is built, else those in TypeScript. */
import { loadAddon } from '../../base/addon.js'
import { type PixelLoops, portableLoops } from './portableLoops.js'

/** The addon's loops; undefined where it is not built. */
export function nativeLoops(): PixelLoops | undefined {
  const addon = loadAddon()
  // One that an earlier version built may lack them
  return typeof addon === 'object' && 'symmetric' in addon ? (addon as PixelLoops) : undefined
}

/** A process has to call it before its worker threads do: a native module must be loaded by the main thread first. */
export const pixelLoops = (): PixelLoops => nativeLoops() ?? portableLoops
