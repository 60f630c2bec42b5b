import { describe, expect, it } from 'vitest'
import { bytes, duration, percent } from './format.js'
import { progress } from './progress.js'
import { table } from './table.js'
import { columns, truncate } from './width.js'

describe('format', () => {
  it('writes durations, sizes and shares as people read them', () => {
    expect([0.04, 12.34, 185, 3725, 3599.9].map(duration)).toEqual([
      '0.0 s',
      '12.3 s',
      '3 min 05 s',
      '1 h 02 min',
      '1 h 00 min',
    ])
    expect([12, 1234, 2.4e9, 137e6].map(bytes)).toEqual(['12 bytes', '1.2 kB', '2.4 GB', '137 MB'])
    expect(percent(0.9456)).toBe('94.6 %')
  })
})

describe('table', () => {
  it('aligns text to the left, numbers to the right, and wide characters by their width', () => {
    expect(
      table(
        ['class', 'images', 'top-1'],
        [
          ['手机', '59', '100.0 %'],
          ['accordion', '800', '9.5 %'],
        ],
      ),
    ).toBe(
      [
        'class      images    top-1',
        '─────────  ──────  ───────',
        '手机           59  100.0 %',
        'accordion     800    9.5 %',
      ].join('\n'),
    )
  })

  it('cuts what is too long', () => {
    expect(truncate('abcdef', 4)).toBe('abc…')
    expect(columns(truncate('手机手机', 5))).toBeLessThanOrEqual(5)
  })
})

/** A stream that keeps what was written. */
function fake(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  let text = ''
  const stream = { isTTY, columns: 60, write: (chunk: string) => (text += chunk) } as unknown as NodeJS.WriteStream
  return { stream, text: () => text }
}

describe('progress', () => {
  it('redraws one line in a terminal and ends it', () => {
    const { stream, text } = fake(true)
    const bar = progress({ label: 'Checking images', total: 10, unit: 'image', stream })
    bar.update(10)
    bar.done()
    bar.done()
    expect(text()).toContain('\rChecking images: 10 of 10'.slice(1))
    expect(text().endsWith('\n')).toBe(true)
    expect(text().split('\n')).toHaveLength(2)
  })

  it('writes plain lines without control characters elsewhere', () => {
    const { stream, text } = fake(false)
    const bar = progress({ label: 'Checking images', total: 1200, unit: 'image', stream })
    for (let i = 1; i <= 1200; i++) bar.update(i)
    bar.done()
    expect(text()).toMatch(/^Checking images: 1,200 in \d+\.\d s\n$/)
  })

  it('leaves nothing behind where it is transient', () => {
    const { stream, text } = fake(true)
    const bar = progress({ label: 'Validating', total: 2, unit: 'image', transient: true, stream })
    bar.update(2)
    bar.done()
    expect(text().endsWith('\r\x1b[K')).toBe(true)
    expect(text()).not.toContain('\n')
  })
})
