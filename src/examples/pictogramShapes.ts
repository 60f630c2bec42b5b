/** Pictograms as SVG on a square of 100 x 100: ten for the demonstration, and others that its trunk is trained on. */

/** What a pictogram is drawn with: `fill` and `line` are attributes for areas and for strokes. */
export interface Style {
  readonly fill: string
  readonly line: string
}

export type Shape = (style: Style) => string

const path = (d: string, attributes: string) => `<path d="${d}" ${attributes}/>`
const circle = (x: number, y: number, r: number, attributes: string) =>
  `<circle cx="${x}" cy="${y}" r="${r}" ${attributes}/>`
const box = (x: number, y: number, w: number, h: number, attributes: string, r = 0) =>
  `<rect x="${x}" y="${y}" width="${w}" height="${h}" rx="${r}" ${attributes}/>`
const ellipse = (x: number, y: number, rx: number, ry: number, attributes: string) =>
  `<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${ry}" ${attributes}/>`

/** The classes that the demonstration tells apart. */
export const demoShapes: Readonly<Record<string, Shape>> = {
  bicycle: s =>
    circle(24, 66, 19, s.line) +
    circle(76, 66, 19, s.line) +
    path('M24 66 42 34H66L76 66M42 34 52 66 66 34M36 30H48M66 34 64 24H74', s.line),
  cup: s =>
    path('M20 28H68V60Q68 82 44 82 20 82 20 60Z', s.fill) +
    path('M68 38Q88 36 86 52 84 66 67 62', s.line) +
    path('M34 18Q30 12 34 6M50 18Q46 12 50 6', s.line),
  fish: s => ellipse(44, 50, 32, 19, s.fill) + path('M72 50 94 32V68Z', s.fill) + circle(28, 45, 3, 'fill="#fff"'),
  flower: s =>
    [0, 72, 144, 216, 288]
      .map(a => `<g transform="rotate(${a} 50 36)">${ellipse(50, 18, 9, 14, s.fill)}</g>`)
      .join('') +
    circle(50, 36, 8, s.fill) +
    path('M50 46V94M50 76Q66 76 72 62', s.line),
  house: s => path('M50 12 92 48H80V88H20V48H8Z', s.fill) + box(42, 60, 16, 28, 'fill="#fff" opacity="0.75"'),
  key: s => circle(28, 38, 18, s.line) + path('M41 51 84 90M68 75 78 65M78 84 88 74', s.line),
  scissors: s => circle(26, 78, 13, s.line) + circle(74, 78, 13, s.line) + path('M33 67 70 12M67 67 30 12', s.line),
  snowman: s =>
    circle(50, 70, 23, s.fill) +
    circle(50, 33, 15, s.fill) +
    box(38, 8, 24, 11, s.fill) +
    path('M30 19H70M26 62 8 46M74 62 92 46', s.line),
  tree: s => box(44, 66, 12, 26, s.fill) + path('M50 6 78 42H64L84 70H16L36 42H22Z', s.fill),
  umbrella: s =>
    path('M8 52Q10 14 50 14 90 14 92 52 78 42 64 52 57 42 50 52 43 42 36 52 22 42 8 52Z', s.fill) +
    path('M50 52V80Q50 90 60 90 68 90 68 82', s.line),
}

/** Other classes, which the small trunk learns to tell apart: none of them is in the demonstration. */
export const trunkShapes: Readonly<Record<string, Shape>> = {
  anchor: s => circle(50, 18, 9, s.line) + path('M50 27V88M30 40H70M16 60Q20 88 50 88 80 88 84 60', s.line),
  apple: s =>
    path('M50 34Q22 20 18 50 18 84 42 88 50 84 58 88 82 84 82 50 78 20 50 34Z', s.fill) +
    path('M50 34Q50 16 62 10', s.line),
  arrow: s => path('M10 40H56V20L92 50 56 80V60H10Z', s.fill),
  bell: s => path('M50 14Q26 18 26 48V66L16 78H84L74 66V48Q74 18 50 14Z', s.fill) + circle(50, 87, 7, s.fill),
  boat: s => path('M10 64H90L76 88H24Z', s.fill) + path('M46 58V8L80 56Z', s.fill) + path('M46 10V64', s.line),
  book: s => path('M50 24Q34 12 10 18V80Q34 74 50 86 66 74 90 80V18Q66 12 50 24Z', s.line) + path('M50 24V86', s.line),
  bottle: s => box(42, 8, 16, 12, s.fill) + path('M42 22H58V38Q72 46 72 60V92H28V60Q28 46 42 38Z', s.fill),
  cactus: s => box(42, 10, 16, 80, s.fill, 8) + path('M42 58H24V36M58 48H76V28', s.line),
  car: s =>
    path('M8 66V50L24 46 34 28H66L80 46 92 52V66Z', s.fill) + circle(28, 68, 10, s.fill) + circle(74, 68, 10, s.fill),
  chair: s => path('M28 10V90M28 52H72V90M28 14H34V46', s.line) + box(28, 48, 44, 9, s.fill),
  clock: s => circle(50, 50, 40, s.line) + path('M50 22V50L68 62', s.line),
  cloud: s => path('M26 74Q6 72 10 54 14 42 28 44 32 22 54 24 72 26 74 44 94 44 92 60 90 74 74 74Z', s.fill),
  crescent: s => path('M66 12Q24 20 26 54 30 88 70 88 34 104 14 70 2 26 66 12Z', s.fill),
  cross: s => path('M38 10H62V38H90V62H62V90H38V62H10V38H38Z', s.fill),
  drop: s => path('M50 8Q80 46 80 64 78 92 50 92 22 92 20 64 20 46 50 8Z', s.fill),
  envelope: s => box(8, 24, 84, 54, s.line, 3) + path('M8 26 50 58 92 26', s.line),
  eye: s => path('M6 50Q50 8 94 50 50 92 6 50Z', s.line) + circle(50, 50, 15, s.fill),
  flag: s => path('M20 8V94', s.line) + path('M20 12Q40 4 56 14 72 24 88 14V52Q72 62 56 52 40 42 20 50Z', s.fill),
  gear: s =>
    [0, 45, 90, 135].map(a => `<g transform="rotate(${a} 50 50)">${box(43, 8, 14, 84, s.fill)}</g>`).join('') +
    circle(50, 50, 28, s.fill) +
    circle(50, 50, 11, 'fill="#fff"'),
  glasses: s =>
    circle(26, 54, 18, s.line) + circle(74, 54, 18, s.line) + path('M44 50Q50 44 56 50M8 50 4 36M92 50 96 36', s.line),
  hammer: s => path('M18 16H66L82 30V38H18Z', s.fill) + box(40, 38, 13, 56, s.fill),
  heart: s => path('M50 88 14 50Q2 30 18 18 38 8 50 32 62 8 82 18 98 30 86 50Z', s.fill),
  ladder: s => path('M32 6V94M68 6V94M32 20H68M32 38H68M32 56H68M32 74H68', s.line),
  lamp: s => path('M32 12H68L86 52H14Z', s.fill) + path('M50 52V86', s.line) + ellipse(50, 88, 22, 6, s.fill),
  leaf: s => path('M14 86Q8 30 50 16 78 8 90 12 94 60 66 78 40 92 14 86Z', s.fill) + path('M6 94Q30 66 66 36', s.line),
  lightning: s => path('M58 4 18 56H44L36 96 82 38H54Z', s.fill),
  mushroom: s => path('M8 50Q12 12 50 12 88 12 92 50Z', s.fill) + path('M38 50Q42 70 34 90H66Q58 70 62 50Z', s.fill),
  pencil: s => path('M70 8 92 30 34 88 8 92 12 66Z', s.fill) + path('M58 20 80 42', 'stroke="#fff" stroke-width="4"'),
  star: s => path('M50 6 62 38 96 40 69 60 79 94 50 74 21 94 31 60 4 40 38 38Z', s.fill),
  sun: s =>
    circle(50, 50, 20, s.fill) +
    [0, 45, 90, 135, 180, 225, 270, 315]
      .map(a => `<g transform="rotate(${a} 50 50)">${path('M50 22V6', s.line)}</g>`)
      .join(''),
}
