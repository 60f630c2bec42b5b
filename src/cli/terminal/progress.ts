/** A progress bar with the time left; plain lines where the output is no terminal. */
import pc from 'picocolors'
import { bytes, duration, thousands } from './format.js'
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
  /** Leaves no line behind when it is done, and says nothing where the output is no terminal. */
  readonly transient?: boolean
  /** Default: standard error. */
  readonly stream?: NodeJS.WriteStream
}

const redrawEvery = 100
/** Without a terminal, a line when so many milliseconds have passed since the last. */
const lineEvery = 10_000

/** Starts a bar; it is drawn at its first update. */
export function progress(options: ProgressOptions): ProgressBar {
  const { label, unit, transient = false, stream = process.stderr } = options
  const began = performance.now()
  let total = options.total
  let count = 0
  let drawn = Number.NEGATIVE_INFINITY
  let shown = false
  let ended = false
  const amount = (value: number) => (unit === 'byte' ? bytes(value) : thousands(value))
  const status = (): string => {
    const seconds = (performance.now() - began) / 1000
    const rate = count / Math.max(seconds, 1e-3)
    const speed = unit === 'byte' ? `${bytes(rate)}/s` : `${rate.toFixed(rate < 10 ? 1 : 0)} images/s`
    const left =
      total !== undefined && count > 0 && count < total && seconds > 1
        ? `, ${duration((total - count) / rate)} left`
        : ''
    return `${amount(count)}${total === undefined ? '' : ` of ${amount(total)}`}, ${speed}${left}`
  }
  const draw = () => {
    const cells = 24
    const filled = total ? Math.round((cells * Math.min(count, total)) / total) : 0
    const bar = total ? `${pc.cyan('█'.repeat(filled))}${pc.dim('░'.repeat(cells - filled))} ` : ''
    const text = truncate(`${label}: ${status()}`, (stream.columns ?? 80) - (total ? cells + 2 : 1))
    stream.write(`\r${bar}${text}\x1b[K`)
    shown = true
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
      } else if (!transient && now - Math.max(drawn, began) >= lineEvery) {
        drawn = now
        stream.write(`${label}: ${status()}\n`)
      }
    },
    done: () => {
      if (ended) return
      ended = true
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
    },
  }
}
