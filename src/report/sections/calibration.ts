/** Whether a run's model is right as often as it says. */

import type { RunResult } from '../../training/index.js'
import { type Context, figure } from '../context.js'
import { paragraph, type Section } from '../document/document.js'
import { type Reliability, reliabilityDiagram } from '../figures/reliability.js'

const mean = ({ bins }: Reliability, key: 'confidence' | 'accuracy'): number => {
  const images = bins.reduce((sum, bin) => sum + bin.images, 0)
  return bins.reduce((sum, bin) => sum + bin[key] * bin.images, 0) / Math.max(images, 1)
}

/** None where the run did not record it. */
export async function calibrationSection({ calibration }: RunResult, context: Context): Promise<Section[]> {
  if (!calibration) return []
  const { results: words, numbers, figures } = context.words
  const { before, after, temperature, refused } = calibration
  const [confidence, accuracy] = [mean(before, 'confidence'), mean(before, 'accuracy')]
  const says = confidence > accuracy ? words.overconfident : words.underconfident
  return [
    {
      id: 'calibration',
      title: words.calibration,
      blocks: [
        paragraph(
          [
            says(numbers.percent(confidence), numbers.percent(accuracy)),
            words.ece(numbers.percent(before.ece)),
            refused
              ? words.refused[refused.reason](refused.fitted.toFixed(2), numbers.percent(refused.ece))
              : (after.ece > before.ece ? words.temperatureWorse : words.temperature)(
                  temperature.toFixed(2),
                  numbers.percent(after.ece),
                ),
          ].join(context.words.sentenceGap),
        ),
        await figure(context, 'reliability', reliabilityDiagram(refused ? { before } : calibration, figures), {
          alt: words.calibrationAlt,
        }),
      ],
    },
  ]
}
