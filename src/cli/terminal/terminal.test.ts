import { spawnSync } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { bytes, duration, percent, rate, thousands } from './format.js'
import { progress } from './progress.js'
import { table } from './table.js'
import { columns, truncate, wrapped } from './width.js'

describe('format', () => {
  it('writes durations, sizes and shares as people read them', () => {
    expect([0.0372, 12.34, 185, 3725, 3599.9].map(duration)).toEqual([
      '38 ms',
      '12.3 s',
      '3 min 05 s',
      '1 h 02 min',
      '1 h 00 min',
    ])
    expect([12, 1234, 2.4e9, 137e6].map(bytes)).toEqual(['12 bytes', '1.2 kB', '2.4 GB', '137 MB'])
    expect(percent(0.9456)).toBe('94.6 %')
    expect(thousands(25557032)).toBe('25,557,032')
    expect([rate(8.44, 'image'), rate(1340.2, 'image'), rate(12.3e6, 'byte')]).toEqual([
      '8.4 images/s',
      '1,340 images/s',
      '12.3 MB/s',
    ])
  })

  it('takes the next unit where rounding would reach it', () => {
    expect([59.97, 999_960, 999_960_000].map((value, i) => (i === 0 ? duration : bytes)(value))).toEqual([
      '1 min 00 s',
      '1.0 MB',
      '1.0 GB',
    ])
  })
})

describe('wrapped', () => {
  it('ends lines between words, indents what follows, and keeps per cents with their numbers', () => {
    const text = 'validation: top-1 95.2 % (95 % interval 94.1 % to 96.1 %), mean per class 92.7 %\n  short'
    for (const width of [20, 33, 40]) {
      const lines = wrapped(text, width).split('\n')
      for (const line of lines) expect(columns(line)).toBeLessThanOrEqual(width)
      expect(lines.join(' ').replace(/ +/g, ' ')).toBe(text.replace(/\s+/g, ' '))
      expect(lines.some(line => /^ *%/.test(line))).toBe(false)
      expect(lines.slice(1).every(line => line.startsWith('  '))).toBe(true)
    }
    expect(wrapped(text, 200)).toBe(text)
  })

  it('keeps commands in one piece', () => {
    expect(wrapped('Stopped; everything is saved. Go on with: regraft train --resume runs/photos', 40)).toBe(
      'Stopped; everything is saved. Go on\n  with:\n  regraft train --resume runs/photos',
    )
    const long = '    --weights some/very/long/path/to/weights.safetensors \\'
    expect(wrapped(long, 40)).toBe(long)
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

  it('puts durations to the right', () => {
    expect(
      table(
        ['epoch', 'time'],
        [
          ['1', '12.3 s'],
          ['2', '3 min 05 s'],
        ],
      ),
    ).toBe(['epoch        time', '─────  ──────────', '    1      12.3 s', '    2  3 min 05 s'].join('\n'))
  })

  it('fits the terminal by cutting the longest texts, never numbers', () => {
    const text = table(['file', 'images'], [['a/long/path/to/some/folder', '1,234,567']], { width: 24 })
    expect(text).toBe(['file              images', '─────────────  ─────────', 'a/lo…e/folder  1,234,567'].join('\n'))
  })

  it('leaves out what can be missed, and makes a block of each row where even that does not fit', () => {
    const rows = [['0.01', '95.2 %', '94.2 %']]
    expect(table(['value', 'val top-1', 'test top-1'], rows, { width: 20, spare: ['val top-1'] })).toBe(
      'value  test top-1\n─────  ──────────\n 0.01      94.2 %',
    )
    expect(table(['value', 'val top-1', 'test top-1'], rows, { width: 20 })).toBe(
      'value       0.01\nval top-1   95.2 %\ntest top-1  94.2 %',
    )
  })

  it('cuts what is too long, paths in their middle', () => {
    expect(truncate('runs/photos-resnet50-2', 12)).toBe('run…snet50-2')
    expect(truncate('abcdef', 4)).toBe('abc…')
    expect(columns(truncate('手机手机', 5))).toBeLessThanOrEqual(5)
  })
})

/** A stream that keeps what was written. */
function fake(isTTY: boolean, columns = 60): { stream: NodeJS.WriteStream; text: () => string } {
  let text = ''
  const stream = { isTTY, columns, write: (chunk: string) => (text += chunk) } as unknown as NodeJS.WriteStream
  return { stream, text: () => text }
}

describe('progress', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

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

  it('never takes more than one line, however narrow the terminal is', () => {
    for (const width of [1, 8, 20, 45, 70]) {
      const { stream, text } = fake(true, width)
      const bar = progress({ label: 'Computing features of the frozen trunk', total: 10, unit: 'image', stream })
      bar.update(10)
      bar.done()
      for (const drawn of stripVTControlCharacters(text()).trimEnd().split('\r'))
        expect(columns(drawn)).toBeLessThanOrEqual(width)
    }
  })

  it('ends its line when the process ends before the work is done', () => {
    const bar = `const { progress } = await import(${JSON.stringify(new URL('./progress.js', import.meta.url).href)})
      process.stderr.isTTY = true
      progress({ label: 'Checking images', total: 10, unit: 'image' }).update(4)
      process.exit(1)`
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', bar], { encoding: 'utf8' })
    expect(stderr).toMatch(/Checking images: 4 of 10[^\n]*\n$/)
  })

  it('writes plain lines without control characters elsewhere', () => {
    const { stream, text } = fake(false)
    const bar = progress({ label: 'Checking images', total: 1200, unit: 'image', stream })
    for (let i = 1; i <= 1200; i++) bar.update(i)
    bar.done()
    expect(text()).toMatch(/^Checking images: 1,200 in \d+(\.\d s| ms)\n$/)
  })

  it('writes a line a minute of an epoch, where there is no terminal', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const { stream, text } = fake(false)
    const bar = progress({ label: 'Training, epoch 1', total: 6000, unit: 'image', transient: true, stream })
    for (let second = 1; second <= 150; second++) {
      vi.advanceTimersByTime(1000)
      bar.update(10 * second)
    }
    bar.done()
    expect(text()).toBe(
      'Training, epoch 1: 600 of 6,000, 10 images/s, 9 min 00 s left\n' +
        'Training, epoch 1: 1,200 of 6,000, 10 images/s, 8 min 00 s left\n',
    )
  })

  it('tells no rate before a second has passed, and none of what was there before', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const { stream, text } = fake(true, 90)
    const bar = progress({ label: 'Checking images', total: 6000, unit: 'image', stream })
    bar.update(4000)
    vi.advanceTimersByTime(500)
    bar.update(4010)
    expect(text()).not.toContain('images/s')
    vi.advanceTimersByTime(1000)
    bar.update(4030)
    expect(text()).toContain('4,030 of 6,000, 20 images/s, 1 min 39 s left')
    bar.update(10)
    vi.advanceTimersByTime(2000)
    bar.update(30)
    bar.done()
    expect(text()).not.toContain('-')
  })

  it('keeps its bar, and the time that is left, in 80 and in 40 columns', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    for (const width of [80, 40]) {
      const { stream, text } = fake(true, width)
      const bar = progress({ label: 'Looking for near-duplicates', total: 6000, unit: 'image', stream })
      for (let second = 0; second <= 3; second++) {
        bar.update(100 * second + 1)
        vi.advanceTimersByTime(1000)
      }
      const last = stripVTControlCharacters(text()).split('\r').at(-1)!
      expect(last).toMatch(/^░{6,}/)
      expect(last).toMatch(/57\.0 s left$/)
      expect(columns(last)).toBeLessThan(width)
    }
  })

  it('is as wide as 80 columns allow where a terminal says that it has none', () => {
    const { stream, text } = fake(true, 0)
    progress({ label: 'Checking images', total: 10, unit: 'image', stream }).update(4)
    expect(stripVTControlCharacters(text())).toContain('Checking images: 4 of 10')
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
