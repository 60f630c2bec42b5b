/** The network of a run: its size, what of it was trained, where its weights came from, and its structure. */
import { elements, valuesOf } from '../../graph/index.js'
import { describe, networkGraph, networkNamed, summarise } from '../../models/index.js'
import { frozenParameters } from '../../training/groups.js'
import type { RunConfig } from '../../training/index.js'
import type { Section, Text } from '../document.js'
import type { Words } from '../locales/words.js'

/** 4.12 G */
function magnitude(value: number): string {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(value, 1)) / 3)))
  return `${(value / 1000 ** power).toPrecision(3)}${['', ' k', ' M', ' G', ' T'][power]}`
}

/** Where pretrained weights came from, with their checksum. */
export function pretrainedText({ provenance }: RunConfig): Text {
  const { source, file, origin, licence, sha256 } = provenance
  const named = file !== undefined && file !== source ? [source, file] : [source]
  const words = [...named, ...[origin, licence].filter(text => text !== undefined)]
  return [words.join('; '), ...(sha256 === undefined ? [] : ['; SHA-256 ', { code: sha256 }])]
}

export function networkSection({ config }: { readonly config: RunConfig }, { done: words, numbers }: Words): Section {
  const { options, classes, preprocessing } = config
  const network = networkNamed(config.network)
  const parameters = valuesOf(
    networkGraph(network, { classes: classes.length, batch: 1, size: preprocessing.size }),
    'parameter',
  )
  const frozen = frozenParameters(network, options)
  const sum = (values: typeof parameters) => values.reduce((total, { shape }) => total + elements(shape), 0)
  const trained = parameters.filter(({ name }) => !frozen(name))
  const flops = summarise(network, classes.length, preprocessing.size).reduce((total, layer) => total + layer.flops, 0)
  const what =
    options.lrBackbone === 0
      ? words.headOnly
      : options.freezeUntil === undefined
        ? words.everything
        : words.fromStage(options.freezeUntil)
  return {
    id: 'network',
    title: words.network,
    blocks: [
      {
        kind: 'facts',
        facts: [
          [words.name, network.name],
          [words.parameters, words.parametersText(numbers.count(sum(parameters)), numbers.count(sum(trained)))],
          [words.trained, what],
          [words.flops, words.flopsText(magnitude(flops))],
          [words.input, words.inputText(preprocessing.size, preprocessing.resize)],
          [words.weights, pretrainedText(config)],
        ],
      },
      {
        kind: 'details',
        summary: words.structure,
        blocks: [{ kind: 'code', code: describe(network, classes.length) }],
      },
    ],
  }
}
