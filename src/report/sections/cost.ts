/** What a run took: time, memory, and on which machine. */
import { given, type Section, type Text } from '../document.js'
import type { Words } from '../locales/words.js'
import type { ReportedRun } from '../readRun.js'

/** '1.4 GB': powers of 1000, three digits at most. */
function bytesText(count: number): string {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(count, 1)) / 3)))
  const value = count / 1000 ** power
  return `${power === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${['bytes', 'kB', 'MB', 'GB', 'TB'][power]}`
}

export function costSection({ config, history, result, weights }: ReportedRun, words: Words): Section {
  const { cost: text, numbers } = words
  const { environment, options } = config
  const training = history.reduce((sum, { seconds }) => sum + seconds, 0)
  const speed = history.reduce((sum, { imagesPerSecond }) => sum + imagesPerSecond, 0) / Math.max(history.length, 1)
  const each = numbers.duration(training / Math.max(history.length, 1))
  const facts: (readonly [string, Text])[] = [
    ...given(result, ({ seconds }) => [[text.total, numbers.duration(seconds.total)] as const]),
    ...given(result?.seconds.features, seconds => [[text.features, numbers.duration(seconds)] as const]),
    [text.epochs, text.epochsText(numbers.duration(training), each)],
    [text.speed, text.speedText(numbers.count(Math.round(speed)))],
    ...given(result?.memory, bytes => [[text.memory, bytesText(bytes)] as const]),
    ...given(weights, ({ bytes }) => [[text.shipped, bytesText(bytes)] as const]),
    [text.engine, text.engineText(environment.engine, environment.threads, options.precision)],
    [text.machine, `${environment.cpu}; ${environment.platform}`],
  ]
  return { id: 'cost', title: text.title, blocks: [{ kind: 'facts', facts }] }
}
