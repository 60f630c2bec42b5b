/** What a report consists of: sections of headings, text, tables, figures and pictures, as plain data that any format can be written from. */

/** A piece of running text. Everything is plain text: the writers escape it. */
export type Inline = string | { readonly code: string } | { readonly strong: string }
export type Text = Inline | readonly Inline[]

export interface Column {
  readonly title: string
  /** Numbers stand right-aligned, with digits of one width. */
  readonly numeric?: boolean
}

export interface Table {
  readonly kind: 'table'
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Text[])[]
  /** Indices of rows that stand out: the best of a study, for instance. */
  readonly marked?: readonly number[]
  readonly caption?: string
}

export interface Figure {
  readonly kind: 'figure'
  readonly svg: string
  /** The figure as a file, relative to the report. */
  readonly file: string
  /** What it shows, for those who cannot see it. */
  readonly alt: string
  readonly caption?: Text
}

interface Image {
  /** Relative to the report. */
  readonly file: string
  readonly jpeg: Uint8Array
}

export interface Picture extends Image {
  /** The same picture with a heat map over it. */
  readonly heat?: Image
  /** Where it came from. */
  readonly path: string
  readonly caption: readonly Text[]
}

/** A number that is worth a glance, with its name and what stands beside it. */
export interface Tile {
  readonly label: string
  readonly value: string
  readonly note?: string
}

export type Block =
  | { readonly kind: 'paragraph'; readonly text: Text }
  /** What the numbers say: stands out from the text around it. */
  | { readonly kind: 'conclusion'; readonly text: Text }
  | { readonly kind: 'list'; readonly items: readonly Text[] }
  | { readonly kind: 'tiles'; readonly tiles: readonly Tile[] }
  /** Names and their values. */
  | { readonly kind: 'facts'; readonly facts: readonly (readonly [name: string, value: Text])[] }
  | Table
  | Figure
  | { readonly kind: 'pictures'; readonly pictures: readonly Picture[]; readonly title?: Text }
  | { readonly kind: 'code'; readonly code: string }
  /** Folded away until somebody wants it. */
  | { readonly kind: 'details'; readonly summary: string; readonly blocks: readonly Block[] }

export interface Section {
  /** Its anchor: letters, digits and hyphens. */
  readonly id: string
  readonly title: string
  readonly blocks: readonly Block[]
  readonly sections?: readonly Section[]
}

export interface ReportDocument {
  /** A language tag, as HTML's `lang` takes it. */
  readonly language: string
  readonly title: string
  readonly subtitle: string
  readonly contents: string
  /** What stands above the first section. */
  readonly lead: readonly Block[]
  readonly sections: readonly Section[]
  readonly footer: string
}

/** Text as a list of pieces. */
export const pieces = (text: Text): readonly Inline[] =>
  typeof text === 'string' || !Array.isArray(text) ? [text as Inline] : (text as readonly Inline[])

export const paragraph = (text: Text): Block => ({ kind: 'paragraph', text })

/** Nothing at all where there is no value: `...given(result.test, test => [paragraph(…)])`. */
export const given = <Value, Item>(
  value: Value | undefined,
  make: (value: Value) => readonly Item[],
): readonly Item[] => (value === undefined ? [] : make(value))
