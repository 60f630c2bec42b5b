/** Writes a report as one HTML file that needs nothing beside it: styles, figures and pictures are inside, scripts there are none. */

import { visible } from '../../base/visible.js'
import type { Block, Inline, Picture, ReportDocument, Section, Table, Text } from './document.js'
import { pieces } from './document.js'
import { fontFaces, style } from './style.js'

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Groups of no more pictures stand side by side. */
const fewPictures = 3

/** Text of any origin, fit for elements and attributes. */
export const escapeHtml = (text: string): string => visible(text).replace(/[&<>"']/g, character => entities[character]!)

const inline = (piece: Inline): string => {
  if (typeof piece === 'string') return escapeHtml(piece)
  return 'code' in piece ? `<code>${escapeHtml(piece.code)}</code>` : `<strong>${escapeHtml(piece.strong)}</strong>`
}
const html = (text: Text): string => pieces(text).map(inline).join('')

/**
 * The figures of a page share one space of ids, to which each figure's references lead: they are made unique.
 * The first figure's clip path would otherwise clip all.
 */
function ownIds(svg: string, figure: number): string {
  return svg
    .replace(/ id="([^"]+)"/g, ` id="figure${figure}-$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#figure${figure}-$1)`)
    .replace(/ (xlink:)?href="#([^"]+)"/g, ` $1href="#figure${figure}-$2"`)
}

function table({ columns, rows, marked = [], caption }: Table): string {
  const classOf = (column: number) => (columns[column]?.numeric ? ' class="number"' : '')
  const head = columns.map(({ title }, i) => `<th scope="col"${classOf(i)}>${escapeHtml(title)}</th>`).join('')
  const body = rows.map((row, r) => {
    const cells = row.map((cell, i) => `<td${classOf(i)}>${html(cell)}</td>`).join('')
    return `<tr${marked.includes(r) ? ' class="marked"' : ''}>${cells}</tr>`
  })
  const title = caption === undefined ? '' : `<caption>${escapeHtml(caption)}</caption>`
  return `<div class="wide"><table>${title}<thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>`
}

function picture({ jpeg, heat, path, caption }: Picture): string {
  const image = (bytes: Uint8Array, alt: string) =>
    `<img src="data:image/jpeg;base64,${Buffer.from(bytes).toString('base64')}" alt="${escapeHtml(alt)}">`
  const images = image(jpeg, path) + (heat ? image(heat.jpeg, `${path}, Grad-CAM`) : '')
  const lines = caption.map(line => `<span>${html(line)}</span>`).join('')
  return `<figure${heat ? ' class="two"' : ''} title="${escapeHtml(path)}">${images}<figcaption>${lines}</figcaption></figure>`
}

/** Writes blocks; counts the figures, since their ids must differ. */
function blockWriter(): (block: Block) => string {
  let figures = 0
  const write = (block: Block): string => {
    switch (block.kind) {
      case 'paragraph':
        return `<p>${html(block.text)}</p>`
      case 'conclusion':
        return `<p class="conclusion">${html(block.text)}</p>`
      case 'list':
        return `<ul>${block.items.map(item => `<li>${html(item)}</li>`).join('\n')}</ul>`
      case 'tiles': {
        const tiles = block.tiles.map(
          ({ label, value, note }) =>
            `<div><dt>${escapeHtml(label)}</dt><dd><b>${escapeHtml(value)}</b>${note ? `<small>${escapeHtml(note)}</small>` : ''}</dd></div>`,
        )
        return `<dl class="tiles">${tiles.join('\n')}</dl>`
      }
      case 'facts':
        return `<dl class="facts">${block.facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${html(value)}</dd>`).join('\n')}</dl>`
      case 'table':
        return table(block)
      case 'figure': {
        const caption = block.caption === undefined ? '' : `<figcaption>${html(block.caption)}</figcaption>`
        return `<figure class="chart" role="img" aria-label="${escapeHtml(block.alt)}">${ownIds(block.svg, ++figures)}${caption}</figure>`
      }
      case 'pictures': {
        const title = block.title === undefined ? '' : `<p class="pictures-title">${html(block.title)}</p>`
        const size = block.title !== undefined && block.pictures.length <= fewPictures ? 'group few' : 'group'
        return `<div class="${size}">${title}<div class="pictures">${block.pictures.map(picture).join('\n')}</div></div>`
      }
      case 'code':
        return `<pre><code>${escapeHtml(block.code)}</code></pre>`
      case 'details':
        return `<details><summary>${escapeHtml(block.summary)}</summary>\n${block.blocks.map(write).join('\n')}\n</details>`
    }
  }
  return write
}

/** The whole page. Its content security policy forbids scripts and anything from elsewhere, whatever the data hold. */
export function writeHtml(report: ReportDocument): string {
  const write = blockWriter()
  const section = ({ id, title, blocks, sections = [] }: Section, level: number): string =>
    `<section id="${escapeHtml(id)}"><h${level}>${escapeHtml(title)}</h${level}>\n${blocks.map(write).join('\n')}\n${sections.map(inner => section(inner, level + 1)).join('\n')}</section>`
  const entry = ({ id, title }: Section) => `<a href="#${escapeHtml(id)}">${escapeHtml(title)}</a>`
  const links = report.sections.map(
    part =>
      `<li>${entry(part)}${part.sections?.length ? `<ul>${part.sections.map(inner => `<li>${entry(inner)}</li>`).join('')}</ul>` : ''}</li>`,
  )
  return `<!DOCTYPE html>
<html lang="${escapeHtml(report.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(report.title)}</title>
<style>
${fontFaces()}
${style}
</style>
</head>
<body>
<nav aria-label="${escapeHtml(report.contents)}"><b>${escapeHtml(report.contents)}</b><ul>${links.join('\n')}</ul></nav>
<main>
<header><h1>${escapeHtml(report.title)}</h1><p>${escapeHtml(report.subtitle)}</p></header>
${report.lead.map(write).join('\n')}
${report.sections.map(part => section(part, 2)).join('\n')}
<footer>${escapeHtml(report.footer)}</footer>
</main>
</body>
</html>
`
}
