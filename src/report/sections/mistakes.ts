/** What a run's model gets wrong, with the images where the run kept them. */

import type { TestPrediction } from '../../training/index.js'
import { type Context, pictures } from '../context.js'
import { type Block, paragraph, type Section, type Text } from '../document/document.js'
import { type Measured, mistakesOf, mostConfused, worstMistakes } from '../pictures/mistakes.js'
import { PAIRS, PER_PAIR, WORST } from '../pictures/pictures.js'

/** Sections on confused classes and on single mistakes; none where nothing was tested. */
export async function mistakeSections(run: Measured, context: Context): Promise<Section[]> {
  const { predictions } = run
  const { results: words } = context.words
  if (predictions.length === 0 || !run.result) return []
  if (worstMistakes(predictions, 1).length === 0)
    return [{ id: 'worst', title: words.worst, blocks: [paragraph(words.noMistakes)] }]
  return [await pairs(run, run.result.confusion, context), await worst(run, context)]
}

/** Those of the mistakes whose pictures were kept. */
function shown(
  run: Measured,
  mistakes: readonly TestPrediction[],
  context: Context,
  captionOf: (mistake: TestPrediction) => Text[],
  explained = false,
) {
  const kept = new Map(run.pictures?.mistakes.map(picture => [picture.path, picture]))
  const wanted = mistakes.flatMap(mistake => {
    const picture = kept.get(mistake.path)
    if (picture === undefined) return []
    const { file, path, heat } = picture
    return [{ file, path, ...(explained ? { heat } : {}), caption: captionOf(mistake) }]
  })
  return pictures(context, run.folder, wanted)
}

const lossLine = ({ loss }: TestPrediction, { words }: Context): Text[] =>
  loss === undefined ? [] : [words.results.lossOf(loss.toFixed(2))]

async function pairs(run: Measured, confusion: readonly (readonly number[])[], context: Context): Promise<Section> {
  const { results: words, numbers } = context.words
  const confused = mostConfused(confusion, run.config.classes, PAIRS)
  const blocks: Block[] = []
  const without: Text[] = []
  for (const pair of confused) {
    const count = words.pairCount(numbers.images(pair.images), numbers.percent(pair.share))
    const title: Text = [...[words.pair(pair.trueClass, pair.predictedClass)].flat(), numbers.aside(count)]
    const images = await shown(run, mistakesOf(pair, run.predictions).slice(0, PER_PAIR), context, mistake => [
      numbers.percent(mistake.probability),
      ...lossLine(mistake, context),
    ])
    if (images.length > 0) blocks.push({ kind: 'pictures', title, pictures: images })
    else without.push(title)
  }
  return {
    id: 'pairs',
    title: words.pairs,
    blocks: [
      paragraph(words.pairsText),
      ...blocks,
      ...(without.length > 0 ? [{ kind: 'list' as const, items: without }] : []),
    ],
  }
}

async function worst(run: Measured, context: Context): Promise<Section> {
  const { results: words, numbers } = context.words
  const { predictions } = run
  const mistakes = worstMistakes(predictions, predictions.length)
  const first = mistakes.slice(0, WORST)
  const images = await shown(
    run,
    first,
    context,
    mistake => [
      words.isClass(mistake.trueClass),
      words.takenFor(mistake.predictedClass, numbers.percent(mistake.probability)),
      ...lossLine(mistake, context),
    ],
    true,
  )
  const explained = first[0]?.loss === undefined ? words.worstByConfidence : words.worstByLoss
  const list: Block = {
    kind: 'list',
    items: first.map(mistake => [
      { code: mistake.path },
      context.words.study.colon,
      ...[words.takenFor(mistake.predictedClass, numbers.percent(mistake.probability))].flat(),
    ]),
  }
  return {
    id: 'worst',
    title: words.worst,
    blocks: [
      paragraph([
        words.worstText(numbers.count(mistakes.length), numbers.count(predictions.length)),
        context.words.sentenceGap,
        explained,
        ...(images.some(({ heat }) => heat) ? [context.words.sentenceGap, words.heat] : []),
      ]),
      images.length > 0 ? { kind: 'pictures', pictures: images } : list,
    ],
  }
}
