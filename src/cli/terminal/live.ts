/** A block of text that is redrawn in place while work goes on; nothing where the output is no terminal. */
import { visible, visibleLine } from '../../base/visible.js'
import { truncate, wrapped } from './width.js'

export interface LiveBlock {
  /** Shows the lines that `make` gives instead of the last ones; it is only asked when they are drawn. */
  show(make: () => readonly string[]): void
  /** Writes lines that stay, above the block. */
  above(text: string): void
  /** Leaves what stands, so that other output may follow. */
  done(): void
}

const redrawEvery = 200

/** Draws at most five times a second. Lines are cut at the terminal's width, and the block at its height. */
export function liveBlock(stream: NodeJS.WriteStream = process.stderr): LiveBlock {
  if (!stream.isTTY) return { show: () => {}, above: text => void stream.write(visible(text)), done: () => {} }
  let height = 0
  let drawn = Number.NEGATIVE_INFINITY
  let waiting: (() => readonly string[]) | undefined
  let last: (() => readonly string[]) | undefined
  const draw = (make: () => readonly string[]) => {
    const room = Math.max(1, (stream.rows ?? 24) - 1)
    const cut = make()
      .slice(-room)
      .map(line => truncate(visibleLine(line), (stream.columns || 80) - 1))
    stream.write(`${height > 0 ? `\x1b[${height}A` : ''}\r\x1b[J${cut.join('\n')}\n`)
    height = cut.length
    drawn = performance.now()
    last = make
    waiting = undefined
  }
  return {
    show: make => {
      if (performance.now() - drawn >= redrawEvery) draw(make)
      else waiting = make
    },
    above: text => {
      stream.write(`${height > 0 ? `\x1b[${height}A\r\x1b[J` : ''}${wrapped(visible(text), stream.columns || 80)}`)
      height = 0
      if (last) draw(last)
    },
    done: () => {
      if (waiting) draw(waiting)
      height = 0
    },
  }
}
