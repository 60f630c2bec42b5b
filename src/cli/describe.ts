/** `regraft describe`: the structure of a network, and a table of its layers. */
import { Argument, Command } from 'commander'
import { describe, networkNamed, networks, summarise } from '../models/index.js'
import { thousands } from './terminal/format.js'
import { say } from './terminal/say.js'
import { table } from './terminal/table.js'

export const describeCommand = new Command('describe')
  .description('print the structure of a network as PyTorch does')
  .addArgument(new Argument('<network>', `one of: ${networks.map(({ name }) => name).join(', ')}`))
  .option('--classes <N>', 'outputs of the last layer', Number, 1000)
  .option('--summary', 'a table of layers: output shape, parameters and FLOPs for one image')
  .option('--size <PIXELS>', 'side of the input, for --summary', Number)
  .addHelpText(
    'after',
    '\nExamples:\n  regraft describe resnet50 --classes 101\n  regraft describe efficientnet_lite0 --summary',
  )
  .action((name: string, options: { classes: number; summary?: boolean; size?: number }) => {
    const network = networkNamed(name)
    say(`${describe(network, options.classes)}\n`)
    if (!options.summary) return
    const layers = summarise(network, options.classes, options.size ?? network.preprocessing.size)
    const rows = layers.map(layer => [
      layer.name,
      layer.operator,
      layer.output.join(' x '),
      layer.parameters ? thousands(layer.parameters) : '',
      (layer.flops / 1e6).toFixed(2),
    ])
    const sum = (key: 'parameters' | 'flops') => layers.reduce((total, layer) => total + layer[key], 0)
    rows.push(['total', '', '', thousands(sum('parameters')), (sum('flops') / 1e6).toFixed(2)])
    say(`\n${table(['layer', 'operator', 'output', 'parameters', 'MFLOPs'], rows)}\n`)
    say('\nA multiply-add counts as two FLOPs.\n')
  })
