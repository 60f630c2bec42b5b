/** Renders a Vega-Lite specification to SVG, and the SVG to PNG. */
import { join } from 'node:path'
import sharp from 'sharp'
import type { TopLevelSpec } from 'vega-lite'
import { writeFileAtomic } from '../../base/files.js'
import { visible } from '../../base/visible.js'
import { useOwnFont } from './fonts.js'
import { theme } from './theme.js'

/** The figure as SVG text. */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  // Most commands draw nothing, and those that train draw last
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')])
  const { spec: compiled } = compile(spec, { config: theme })
  const view = new vega.View(vega.parse(compiled), { renderer: 'none' })
  try {
    // Vega escapes markup, but leaves what XML cannot hold
    return visible(await view.toSVG())
  } finally {
    view.finalize()
  }
}

/** An SVG as a PNG of twice its size. */
export function rasterise(svg: string): Promise<Buffer> {
  useOwnFont()
  return sharp(Buffer.from(svg), { density: 144 }).png().toBuffer()
}

/** The figure as SVG text, and as a PNG of twice its size. */
export async function renderFigure(spec: TopLevelSpec): Promise<{ readonly svg: string; readonly png: Buffer }> {
  const svg = await renderSvg(spec)
  return { svg, png: await rasterise(svg) }
}

/** Writes `<name>.svg` and `<name>.png` into a folder, the same under each name; returns the path of the first PNG. */
export async function writeFigure(
  folder: string,
  names: string | readonly string[],
  spec: TopLevelSpec,
): Promise<string> {
  const { svg, png } = await renderFigure(spec)
  const all = [names].flat()
  for (const name of all) {
    await writeFileAtomic(join(folder, `${name}.svg`), svg)
    await writeFileAtomic(join(folder, `${name}.png`), png)
  }
  return join(folder, `${all[0]}.png`)
}
