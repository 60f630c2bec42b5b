/** What the sections of a report are written with: the words of a language, and the folder that the report stands in. */
import { join, relative, sep } from 'node:path'
import type { TopLevelSpec } from 'vega-lite'
import { writeFileAtomic } from '../base/files.js'
import type { Figure, Picture, Text } from './document/document.js'
import { rasterise, renderSvg } from './figures/figure.js'
import type { Words } from './locales/words.js'
import { pictureFolder, readPicture } from './pictures/pictureIndex.js'

export interface Context {
  /** The folder that the report is written into. */
  readonly folder: string
  readonly words: Words
}

/** A path as the report refers to it. */
const fromReport = ({ folder }: Context, path: string): string => relative(folder, path).split(sep).join('/')

/**
 * Draws a figure, and writes it below `figures/`: as SVG for the Markdown report, and as PNG where that needs no other
 * font than the one that ships with the project.
 */
export async function figure(
  context: Context,
  name: string,
  spec: TopLevelSpec,
  { alt, caption }: { readonly alt: string; readonly caption?: Text },
): Promise<Figure> {
  const { figureSuffix, latin } = context.words
  const base = join(context.folder, 'figures', `${name}${figureSuffix}`)
  const svg = await renderSvg(spec)
  await writeFileAtomic(`${base}.svg`, svg)
  if (latin) await writeFileAtomic(`${base}.png`, await rasterise(svg))
  const file = fromReport(context, `${base}.svg`)
  return { kind: 'figure', svg, file, alt, ...(caption === undefined ? {} : { caption }) }
}

/** Pictures that a run keeps; those that are no longer there are left out. */
export async function pictures(
  context: Context,
  run: string,
  wanted: readonly {
    readonly file: string
    readonly heat?: string | undefined
    readonly path: string
    readonly caption: readonly Text[]
  }[],
): Promise<Picture[]> {
  const image = async (file: string) => {
    const jpeg = await readPicture(run, file)
    return jpeg && { file: fromReport(context, join(pictureFolder(run), file)), jpeg }
  }
  const found = await Promise.all(
    wanted.map(async ({ file, heat, path, caption }): Promise<Picture[]> => {
      const [own, over] = await Promise.all([image(file), heat === undefined ? undefined : image(heat)])
      return own ? [{ ...own, ...(over ? { heat: over } : {}), path, caption }] : []
    }),
  )
  return found.flat()
}
