/** Names from data, with any of Unicode's oddities, in each place where they are shown: nothing in them is obeyed. */
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { csvField, csvText } from '../base/csv.js'
import { visible } from '../base/visible.js'
import { sayJson } from '../cli/terminal/say.js'
import { table } from '../cli/terminal/table.js'
import { escapeHtml } from './document/html.js'
import { escapeMarkdown } from './document/markdown.js'
import { renderFigure } from './figures/figure.js'

const odd = fc.constantFrom(
  ...['\x1b[2J', '\x1b]0;x\x07', '\x00', '\x08', '\x7f', '\x9b31m', '\r', '\n', '\t', '\u202e', '\u2066', '\u061c'],
  ...['\u2028', '\ufeff', '\ufffe', '\uffff', '\ud800', '\udfff', '\u{e0041}', '\u{1f408}\u200d\u2b1b', 'e\u0301'],
  ...[
    '<script>',
    ']]>',
    '&amp;',
    '"',
    "'",
    '`',
    '|',
    '=',
    '+',
    '-',
    '@',
    '\uff1d',
    ',',
    ';',
    '[x](javascript:y)',
    '$&',
  ],
)
const name = fc.array(fc.oneof(odd, fc.string({ unit: 'binary' })), { maxLength: 8 }).map(parts => parts.join(''))
/** What a terminal would obey, or a reader be deceived by. */
const obeyed = /(?![\t\n])\p{Cc}|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]|\p{Cs}/u

describe('a name', () => {
  test('reaches neither terminal nor page with anything that is obeyed; what can be seen stays', () => {
    fc.assert(
      fc.property(name, text => {
        for (const shown of [visible(text), escapeHtml(text), escapeMarkdown(text)]) expect(shown).not.toMatch(obeyed)
        expect(escapeHtml(text)).not.toMatch(/[<>"']/)
        expect(escapeMarkdown(text)).not.toMatch(/[<>]|(?<!\\)`/)
      }),
    )
    expect(visible('ein Bär, 猫, \u{1f408}\u200d\u2b1b, e\u0301')).toBe('ein Bär, 猫, \u{1f408}\u200d\u2b1b, e\u0301')
  })

  test('takes one line in a table', () => {
    fc.assert(
      fc.property(name, text => {
        const lines = table(['class', 'images'], [[text, '1']]).split('\n')
        expect(lines).toHaveLength(3)
        expect(lines[2]).not.toMatch(obeyed)
      }),
    )
  })

  test('comes back from CSV as it was, and no cell begins as a formula', () => {
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 3 }), names => {
        const [cells] = parse(`x${names.map(text => `,${csvField(text)}`).join('')}\n`)
        // UTF-8 has no halves of characters: the parser replaces them
        const whole = names.map(text => Buffer.from(text).toString())
        expect(cells!.slice(1).map(csvText)).toEqual(whole)
        for (const cell of cells!.slice(1)) expect(cell).not.toMatch(/^[=+\-@\t\r\n\uff1d]/)
      }),
    )
    expect(csvField(`=cmd|'C calc'!A0`)).toBe(`"'=cmd|'C calc'!A0"`)
  })

  test('is the same value in a line of JSON, which is plain to a terminal', () => {
    const write = process.stdout.write
    fc.assert(
      fc.property(name, text => {
        let line = ''
        process.stdout.write = chunk => {
          line += String(chunk)
          return true
        }
        try {
          sayJson({ class: text })
        } finally {
          process.stdout.write = write
        }
        expect(line.trimEnd()).not.toMatch(obeyed)
        expect(JSON.parse(line)).toEqual({ class: text })
      }),
    )
  })

  test('is drawn in a figure, which stays XML', async () => {
    const text = '\x1b[31m\x00\x07\ufffe\ud800\u202e<b>&"]]>'
    const { svg, png } = await renderFigure({
      data: { values: [{ name: text, value: 1 }] },
      title: text,
      mark: 'bar',
      encoding: { x: { field: 'value', type: 'quantitative' }, y: { field: 'name', type: 'nominal' } },
    })
    expect(svg).not.toMatch(obeyed)
    expect(png.length).toBeGreaterThan(100)
  })
})
