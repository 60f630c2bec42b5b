/** Lets figures be drawn with the font that ships with the project, so that they look the same everywhere and have text where no fonts are installed. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Points fontconfig, which reads this once at the first text, to the project's font beside the system's.
 * Elsewhere than on Linux, where there are always fonts, and where somebody has set it already, nothing changes.
 */
export function useOwnFont(): void {
  const config = fileURLToPath(new URL('../../../assets/fonts/fonts.conf', import.meta.url))
  const { FONTCONFIG_FILE, FONTCONFIG_PATH } = process.env
  if (process.platform !== 'linux' || FONTCONFIG_FILE || FONTCONFIG_PATH || !existsSync(config)) return
  process.env.FONTCONFIG_FILE = config
}
