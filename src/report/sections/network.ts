/** The network of a run: its size, what of it was trained, where its weights came from, and its structure. */
import { elements, valuesOf } from '../../graph/index.js'
import { describe, networkGraph, networkNamed, summarise } from '../../models/index.js'
import { frozenParameters } from '../../training/groups.js'
import type { RunConfig } from '../../training/index.js'
import type { Section, Text } from '../document/document.js'
import type { Words } from '../locales/words.js'

/** 4.12 G */
function magnitude(value: number): string {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(value, 1)) / 3)))
  return `${(value / 1000 ** power).toPrecision(3)}${['', ' k', ' M', ' G', ' T'][power]}`
}

/** Where pretrained weights came from, with their checksum. */
export function pretrainedText({ provenance }: RunConfig, { done }: Words): Text {
  if (provenance.source === 'none') return done.randomWeights
  const { source, file, origin, licence, sha256 } = provenance
  const named = file !== undefined && file !== source ? [source, file] : [source]
  const words = [...named, ...[origin, licence].filter(text => text !== undefined)]
  const { semicolon } = done
  return [words.join(semicolon), ...(sha256 === undefined ? [] : [`${semicolon}SHA-256 `, { code: sha256 }])]
}

export function networkSection({ config }: { readonly config: RunConfig }, words: Words): Section {
  const { done: text, numbers } = words
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
      ? text.headOnly
      : options.freezeUntil === undefined
        ? text.everything
        : text.fromStage(options.freezeUntil)
  return {
    id: 'network',
    title: text.network,
    blocks: [
      {
        kind: 'facts',
        facts: [
          [text.name, network.name],
          [text.parameters, text.parametersText(numbers.count(sum(parameters)), numbers.count(sum(trained)))],
          [text.trained, what],
          [text.flops, text.flopsText(magnitude(flops))],
          [text.input, text.inputText(preprocessing)],
          [text.weights, pretrainedText(config, words)],
        ],
      },
      {
        kind: 'details',
        summary: text.structure,
        blocks: [{ kind: 'code', code: describe(network, classes.length) }],
      },
    ],
  }
}
