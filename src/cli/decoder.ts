/** What decodes images: sharp with libvips, which npm installs as an optional package for this machine. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** What a person is told where it is missing. */
export const noDecoder =
  "images cannot be decoded, since sharp's library for this machine is not here or damaged; 'npm install --include=optional sharp' brings it (npm leaves it out by --omit=optional)"

/** Its version, or why it is not there: asked in a process of its own, which a damaged library may end. */
export async function decoderInWords(): Promise<string> {
  const code = `import sharp from ${JSON.stringify(import.meta.resolve('sharp'))}
    console.log('sharp ' + sharp.versions.sharp + ', libvips ' + sharp.versions.vips)`
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code])
    return stdout.trim()
  } catch {
    return `not available: ${noDecoder}`
  }
}
