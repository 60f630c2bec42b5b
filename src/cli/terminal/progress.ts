/** A progress bar with the time left; plain lines where the output is no terminal. */
import pc from 'picocolors'
import { visibleLine } from '../../base/visible.js'
import { bytes, duration, rate, thousands } from './format.js'
import { truncate } from './width.js'

export interface ProgressBar {
  /** @param total where it became known only now */
  update(done: number, total?: number): void
  /** Ends the bar. May be called more than once. */
  done(): void
}

export interface ProgressOptions {
  readonly label: string
  readonly total?: number | undefined
  /** What is counted. */
  readonly unit: 'image' | 'byte'
  /** Leaves no line behind when it is done; where the output is no terminal, it says little. */
  readonly transient?: boolean
  /** Default: standard error. */
  readonly stream?: NodeJS.WriteStream
}

const redrawEvery = 100
/** Without a terminal, a line when so many milliseconds have passed since the last; of what comes again and again, fewer. */
const lineEvery = { once: 10_000, transient: 60_000 } as const
/** The rate is an average over about so many seconds, in which older ones fade. */
const rateSeconds = 5
/** Cells of the bar, and columns that are left to the text beside it. */
const mostCells = 24
const leastText = 40

/** The rate of a growing count, in units per second: the average so far at first, then that of the last seconds. */
function rateMeter(): (count: number) => number {
  let [lastTime, lastCount] = [performance.now(), 0]
  let smoothed = 0
  let weights = 0
  return count => {
    const now = performance.now()
    const seconds = (now - lastTime) / 1000
    if (seconds < 0.05) return weights > 0 ? smoothed / weights : (count - lastCount) / Math.max(seconds, 1e-3)
    const keep = Math.exp(-seconds / rateSeconds)
    smoothed = keep * smoothed + ((1 - keep) * (count - lastCount)) / seconds
    weights = keep * weights + (1 - keep)
    ;[lastTime, lastCount] = [now, count]
    return smoothed / weights
  }
}

/** Starts a bar; it is drawn at its first update. A process that ends before the bar is done ends its line, too. */
export function progress(options: ProgressOptions): ProgressBar {
  const { unit, transient = false, stream = process.stderr } = options
  const label = visibleLine(options.label)
  const began = performance.now()
  let total = options.total
  let count = 0
  let drawn = Number.NEGATIVE_INFINITY
  let shown = false
  let ended = false
  const amount = (value: number) => (unit === 'byte' ? bytes(value) : thousands(value))
  const meter = rateMeter()
  const status = (): string => {
    const perSecond = meter(count)
    const left =
      total !== undefined && count > 0 && count < total && perSecond > 0 && performance.now() - began > 1000
        ? `, ${duration((total - count) / perSecond)} left`
        : ''
    return `${amount(count)}${total === undefined ? '' : ` of ${amount(total)}`}, ${rate(perSecond, unit)}${left}`
  }
  const draw = () => {
    const room = (stream.columns ?? 80) - 1
    const cells = total ? Math.max(0, Math.min(mostCells, room - leastText)) : 0
    const filled = total ? Math.round((cells * Math.min(count, total)) / total) : 0
    const bar = cells > 0 ? `${pc.cyan('█'.repeat(filled))}${pc.dim('░'.repeat(cells - filled))} ` : ''
    const text = truncate(`${label}: ${status()}`, cells > 0 ? room - cells - 1 : room)
    stream.write(`\r${bar}${text}\x1b[K`)
    if (!shown) process.once('exit', end)
    shown = true
  }
  const end = () => {
    if (ended) return
    ended = true
    process.off('exit', end)
    if (stream.isTTY) {
      if (!shown) return
      if (transient) stream.write('\r\x1b[K')
      else {
        draw()
        stream.write('\n')
      }
    } else if (!transient && count > 0) {
      stream.write(`${label}: ${amount(count)} in ${duration((performance.now() - began) / 1000)}\n`)
    }
  }
  return {
    update: (done, nowTotal) => {
      if (ended) return
      count = done
      total = nowTotal ?? total
      const now = performance.now()
      if (stream.isTTY) {
        if (now - drawn < redrawEvery && count !== total) return
        drawn = now
        draw()
      } else if (now - Math.max(drawn, began) >= lineEvery[transient ? 'transient' : 'once']) {
        drawn = now
        stream.write(`${label}: ${status()}\n`)
      }
    },
    done: end,
  }
}
