/** One epoch in one line of the terminal: all of it where there is room, and what matters most where there is little. */
import type { EpochRecord } from '../training/index.js'
import { duration, percent, rate } from './terminal/format.js'
import { columns } from './terminal/width.js'

export interface EpochEvent {
  readonly record: EpochRecord
  readonly epochs: number
  readonly best: boolean
  /** Seconds that the other epochs will take. */
  readonly remaining: number
}

/** @param rated whether images per second say anything: not where features of a frozen trunk are read from memory */
export function epochLine({ record, epochs, best, remaining }: EpochEvent, rated: boolean, width: number): string {
  const { train, validation, imagesPerSecond } = record
  const number = `${String(record.epoch).padStart(String(epochs).length)}/${epochs}`
  const left = remaining >= 1 ? `${duration(remaining)} left` : ''
  const speed = rated ? rate(imagesPerSecond, 'image') : ''
  const joined = (...parts: readonly string[]) => parts.filter(Boolean).join('  ')
  const star = best ? ' *' : ''
  const trained = `training loss ${train.loss.toFixed(3)}, accuracy ${percent(train.top1)}`
  const validated = validation
    ? `validation loss ${validation.loss.toFixed(3)}, accuracy ${percent(validation.top1)}`
    : 'no validation images'
  const short = validation ? `val ${percent(validation.top1)}${star}` : percent(train.top1)
  const brief = [
    `train ${train.loss.toFixed(3)} ${percent(train.top1)}`,
    ...(validation ? [`val ${validation.loss.toFixed(3)} ${percent(validation.top1)}${star}`] : []),
  ]
  const lines = [
    joined(
      `epoch ${number}`,
      trained,
      `${validated}${best ? ' (best so far)' : ''}`,
      [speed, left].filter(Boolean).join(', '),
    ),
    joined(`epoch ${number}`, ...brief, speed, left),
    joined(`epoch ${number}`, ...brief, left),
    joined(number, short, left),
    joined(number, short),
  ]
  return lines.find(line => columns(line) <= width) ?? lines.at(-1)!
}
