/** What a run took: time, memory, and on which machine. */
import { bytes } from '../../base/bytes.js'
import { given, type Section, type Text } from '../document/document.js'
import type { Words } from '../locales/words.js'
import type { ReportedRun } from '../readRun.js'

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
    ...given(result?.memory, held => [[text.memory, bytes(held)] as const]),
    ...given(weights, file => [[text.shipped, bytes(file.bytes)] as const]),
    [text.engine, text.engineText(environment.engine, environment.threads, options.precision)],
    [text.machine, `${environment.cpu}${words.done.semicolon}${environment.platform}`],
  ]
  return { id: 'cost', title: text.title, blocks: [{ kind: 'facts', facts }] }
}
