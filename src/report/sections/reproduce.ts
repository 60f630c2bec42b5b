/** How a run is made anew: command, versions, seed, checksums. */

import { trainCommand } from '../command.js'
import { type Block, given, paragraph, type Section, type Text } from '../document/document.js'
import type { Words } from '../locales/words.js'
import type { ReportedRun } from '../readRun.js'
import { pretrainedText } from './network.js'

/** The versions, seed and checksums of a run. */
export function originFacts({ config, weights }: ReportedRun, words: Words): Block {
  const { reproduce: text, numbers } = words
  const { environment, options, started } = config
  const facts: (readonly [string, Text])[] = [
    [text.version, `Regraft ${environment.regraft}, Node ${environment.node}, ${environment.platform}`],
    [text.seed, String(options.seed)],
    [text.started, dateText(started)],
    [text.pretrained, pretrainedText(config, words)],
    ...given(weights, ({ sha256, bytes }) => [
      [text.shipped, [text.shippedText(numbers.count(bytes)), { code: sha256 }]] as const,
    ]),
  ]
  return { kind: 'facts', facts }
}

/** '2026-11-24 14:40 UTC' */
export const dateText = (iso: string): string =>
  Number.isNaN(Date.parse(iso)) ? iso : `${new Date(iso).toISOString().slice(0, 16).replace('T', ' ')} UTC`

export function reproduceSection(run: ReportedRun, words: Words): Section {
  return {
    id: 'reproduce',
    title: words.reproduce.title,
    blocks: [
      paragraph(words.reproduce.text),
      { kind: 'code', code: trainCommand(run.config) },
      paragraph(words.reproduce.sameBits),
      originFacts(run, words),
    ],
  }
}
