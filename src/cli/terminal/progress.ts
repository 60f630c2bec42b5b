/** A progress bar with the time left; plain lines where the output is no terminal. */
import pc from 'picocolors'
import { visibleLine } from '../../base/visible.js'
import { bytes, duration, rate, thousands } from './format.js'
import { columns, truncate } from './width.js'

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
  readonly unit: 'image' | 'pair' | 'byte'
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
/** Cells of the bar; in a narrow terminal the text gives way to it. */
const mostCells = 24
const fewestCells = 6
/** In a terminal that has fewer columns there is no bar. */
const leastRoom = 24

/** Before so much time has passed, there is no rate to speak of. */
const firstRate = 1

/**
 * The rate of a growing count, in units per second, over the last seconds; undefined at first. What was there at the first
 * call, from an earlier search for instance, took no time that was seen.
 */
function rateMeter(): (count: number) => number | undefined {
  let began: number | undefined
  let [lastTime, lastCount, smoothed, weights] = [0, 0, 0, 0]
  return count => {
    const now = performance.now() / 1000
    if (began === undefined || count < lastCount) {
      ;[began, lastTime, lastCount, smoothed, weights] = [now, now, count, 0, 0]
      return undefined
    }
    const seconds = now - lastTime
    if (seconds >= 0.05) {
      const keep = Math.exp(-seconds / rateSeconds)
      smoothed = keep * smoothed + ((1 - keep) * (count - lastCount)) / seconds
      weights = keep * weights + (1 - keep)
      ;[lastTime, lastCount] = [now, count]
    }
    return weights > 0 && now - began >= firstRate ? smoothed / weights : undefined
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
  let perSecond: number | undefined
  /** What there is to say, in ever fewer words. */
  const statuses = (): string[] => {
    const share = total === undefined ? amount(count) : `${Math.floor((100 * Math.min(count, total)) / total)} %`
    const left =
      total !== undefined && count > 0 && count < total && perSecond !== undefined && perSecond > 0
        ? `, ${duration((total - count) / perSecond)} left`
        : ''
    const counted = `${amount(count)}${total === undefined ? '' : ` of ${amount(total)}`}`
    const speed = perSecond === undefined ? '' : `, ${rate(perSecond, unit)}`
    return [`${counted}${speed}${left}`, `${counted}${left}`, `${share}${left}`, share]
  }
  const fitting = (room: number): string => {
    const texts = statuses()
    const whole = texts.slice(0, 3).find(text => columns(`${label}: ${text}`) <= room)
    if (whole !== undefined) return `${label}: ${whole}`
    // The end of the label is what can be missed first
    const rest = texts.slice(2).find(text => columns(text) + 8 <= room) ?? texts[3]!
    const cut = room - columns(rest) - 2
    return cut < 4 ? truncate(`${label}: ${rest}`, room) : `${truncate(label, cut)}: ${rest}`
  }
  const draw = () => {
    const room = (stream.columns || 80) - 1
    const cells = total && room >= leastRoom ? Math.max(fewestCells, Math.min(mostCells, Math.floor(room / 4))) : 0
    const filled = total ? Math.floor((cells * Math.min(count, total)) / total) : 0
    const bar = cells > 0 ? `${pc.cyan('█'.repeat(filled))}${pc.dim('░'.repeat(cells - filled))} ` : ''
    stream.write(`\r${bar}${fitting(cells > 0 ? room - cells - 1 : room)}\x1b[K`)
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
      perSecond = meter(count)
      const now = performance.now()
      if (stream.isTTY) {
        if (now - drawn < redrawEvery && count !== total) return
        drawn = now
        draw()
      } else if (now - Math.max(drawn, began) >= lineEvery[transient ? 'transient' : 'once']) {
        drawn = now
        stream.write(`${label}: ${statuses()[0]}\n`)
      }
    },
    done: end,
  }
}
