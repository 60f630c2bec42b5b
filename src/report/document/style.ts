/** How a report looks: one column to read, contents beside it where there is room, light and dark, on paper too. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The font that figures are drawn with, inside the page. */
export function fontFaces(): string {
  const face = (file: string, weight: number) => {
    const bytes = readFileSync(fileURLToPath(new URL(`../../../assets/fonts/${file}`, import.meta.url)))
    return `@font-face{font-family:Inter;font-weight:${weight};src:url(data:font/ttf;base64,${bytes.toString('base64')})}`
  }
  return `${face('Inter-Regular.ttf', 400)}\n${face('Inter-Bold.ttf', 700)}`
}

export const style = `
:root {
  --ground: #fff; --panel: #f5f7fa; --text: #26323f; --faint: #5b6876; --line: #dfe4ea; --grid: #e8ecf1;
  --accent: #0b66c3; --mark: #fff6dc;
  font: 16px/1.6 Inter, "Helvetica Neue", Arial, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei",
    "Noto Sans CJK SC", "Noto Sans SC", sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14191f; --panel: #1c232b; --text: #dfe5ec; --faint: #9aa7b5; --line: #2f3944; --grid: #29323c;
    --accent: #6cb2f5; --mark: #3a331a;
  }
}
* { box-sizing: border-box }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--ground); color: var(--text) }
main { max-width: 52rem; margin: 0 auto; padding: 3rem 1.25rem 5rem }
h1, h2, h3, h4 { line-height: 1.25; text-wrap: balance; overflow-wrap: anywhere }
h1 { font-size: 2.1rem; letter-spacing: -.02em; margin: 0 0 .4rem }
h2 { font-size: 1.45rem; letter-spacing: -.01em; margin: 3.5rem 0 1rem; padding-top: 1.1rem; border-top: 1px solid var(--line) }
h3 { font-size: 1.1rem; margin: 2.4rem 0 .7rem }
h4 { font-size: .95rem; margin: 1.6rem 0 .6rem }
p { margin: .8rem 0; overflow-wrap: anywhere; text-wrap: pretty }
header p, footer { color: var(--faint); margin: 0 }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: .85rem }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: .2em }
ul { padding-left: 1.2rem } li { margin: .3rem 0; overflow-wrap: anywhere }
code { font: .88em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
  background: var(--panel); padding: .1em .3em; border-radius: 4px; overflow-wrap: anywhere }
pre { background: var(--panel); border-radius: 8px; padding: 1rem 1.1rem; overflow-x: auto; margin: 1rem 0 }
pre code { background: none; padding: 0; font-size: .8rem; white-space: pre; overflow-wrap: normal }
.conclusion { border-left: 3px solid var(--accent); background: var(--panel); padding: .7rem 1rem; border-radius: 0 8px 8px 0; margin: 1.2rem 0 }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .8rem; margin: 1.8rem 0 }
.tiles div { background: var(--panel); border-radius: 10px; padding: .9rem 1rem }
.tiles dt { color: var(--faint); font-size: .82rem; line-height: 1.35 }
.tiles dd { margin: .25rem 0 0 }
.tiles b { display: block; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; font-variant-numeric: tabular-nums }
.tiles small { display: block; color: var(--faint); font-size: .78rem; line-height: 1.4; margin-top: .15rem }
.facts { display: grid; grid-template-columns: minmax(9rem, 13rem) 1fr; gap: .35rem 1.2rem; margin: 1rem 0; font-size: .93rem }
.facts dt { color: var(--faint) } .facts dd { margin: 0; overflow-wrap: anywhere }
.wide { overflow-x: auto; margin: 1.2rem 0 }
table { border-collapse: collapse; width: 100%; font-size: .9rem; line-height: 1.45; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--faint); font-size: .88rem; padding-bottom: .5rem }
th { text-align: left; font-weight: 400; color: var(--faint); font-size: .82rem; vertical-align: bottom; border-bottom: 1px solid var(--line); padding: .4rem .9rem .45rem 0 }
td { padding: .42rem .9rem .42rem 0; border-bottom: 1px solid var(--grid); vertical-align: top; overflow-wrap: break-word; max-width: 24rem }
td:first-child, th:first-child { padding-left: .6rem } td:last-child, th:last-child { padding-right: .6rem }
.number { text-align: right; white-space: nowrap }
th.number { white-space: normal }
.marked td { background: var(--mark); font-weight: 700 }
.chart { margin: 1.5rem 0 } .chart svg { display: block; max-width: calc(100% + 1rem); height: auto; margin-left: -1rem }
figcaption { color: var(--faint); font-size: .85rem; line-height: 1.45 }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.6rem, 1fr)); gap: 1rem .9rem; margin: .8rem 0 1.4rem }
.pictures-title { margin: 1.4rem 0 .5rem; font-size: .93rem; text-wrap: wrap }
.few { display: inline-block; vertical-align: top; margin-right: 2rem; width: 22.3rem; max-width: 100% }
.few .pictures { grid-template-columns: repeat(auto-fill, 6.8rem) }
.pictures figure { margin: 0 }
.pictures .two { grid-column: span 2; display: grid; grid-template-columns: 1fr 1fr; gap: 0 .25rem; align-content: start }
.two figcaption { grid-column: 1 / -1 }
.pictures img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: var(--panel); border-radius: 6px }
.pictures figcaption { font-size: .76rem; line-height: 1.35; margin-top: .4rem; overflow-wrap: anywhere }
.pictures span { display: block } .pictures strong { color: var(--text) }
details { border: 1px solid var(--line); border-radius: 8px; padding: 0 1rem; margin: 1.2rem 0 }
summary { cursor: pointer; padding: .65rem 0; color: var(--accent); font-size: .92rem }
details[open] summary { border-bottom: 1px solid var(--line); margin-bottom: .8rem }
nav { font-size: .88rem; line-height: 1.4; max-width: 52rem; margin: 0 auto; padding: 1.5rem 1.25rem 0 }
nav b { display: none }
nav ul { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem }
nav li { margin: 0 } nav ul ul { display: none }
nav a { color: var(--faint); text-decoration: none } nav a:hover { color: var(--accent); text-decoration: underline }
@media (min-width: 78rem) {
  body { display: grid; grid-template-columns: 17rem minmax(0, 1fr) }
  nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; margin: 0; padding: 3.4rem 1rem 2rem 2.2rem }
  nav b { display: block; font-size: .78rem; color: var(--faint); font-weight: 400; letter-spacing: .04em; margin-bottom: .6rem }
  nav ul { display: block } nav ul ul { display: block; padding-left: .9rem; margin-bottom: .4rem }
  nav li { margin: .35rem 0 } nav a { color: var(--text) } nav ul ul a { color: var(--faint) }
  main { margin: 0 auto 0 2.5rem; width: 100% }
}
@media (max-width: 34rem) {
  main { padding-top: 1.8rem } h1 { font-size: 1.6rem }
  .facts { grid-template-columns: 1fr; gap: 0 } .facts dd { margin-bottom: .6rem }
  .pictures { grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)) }
}
.chart svg > rect:first-child { fill: none }
@media (prefers-color-scheme: dark) {
  .chart .role-axis-label text, .chart .role-axis-title text, .chart .role-title-subtitle text,
  .chart .role-legend text { fill: var(--faint) }
  .chart .role-title-text text { fill: var(--text) }
  .chart .role-axis-grid line { stroke: var(--grid) }
  .chart .role-axis-domain line, .chart .role-axis-tick line { stroke: var(--line) }
  .chart [stroke="#000000"] { stroke: #fff } .chart [fill="#000000"] { fill: #fff }
  .chart [stroke="#0b66c3"] { stroke: var(--accent) }
  .chart [fill="#0b66c3"]:not([aria-roledescription="rect"]) { fill: var(--accent) }
}
@media print {
  :root { --ground: #fff; --panel: #f5f7fa; --text: #000; --faint: #444; --line: #ccc; --grid: #ddd; --accent: #000; --mark: #eee; font-size: 10.5pt }
  body { display: block } nav { display: none } main { max-width: none; margin: 0; padding: 0 }
  h2, h3, h4, .pictures-title { break-after: avoid } tr, figure, pre, .tiles div, .few { break-inside: avoid }
  .wide, pre { overflow: visible } pre code { white-space: pre-wrap }
}
`
