/** All networks by name, and which of them a file of weights belongs to. */
import { RegraftError } from '../base/errors.js'
import { didYouMean } from '../base/suggest.js'
import type { Shape } from '../graph/index.js'
import { efficientnetLites } from './efficientnetLite.js'
import { mobilenets } from './mobilenet.js'
import { belongsTo, type Network, networkGraph } from './network.js'
import { resnets } from './resnet.js'
import { stateShapes } from './stateShapes.js'

/** Every network that can be named, the smaller of a family first. */
export const networks: readonly Network[] = [...resnets, ...mobilenets, ...efficientnetLites]

/** @throws RegraftError('usage') that names the nearest network */
export function networkNamed(name: string): Network {
  const network = networks.find(candidate => candidate.name === name)
  if (network) return network
  const names = networks.map(candidate => candidate.name)
  throw new RegraftError(
    'usage',
    `there is no network '${name}'${didYouMean(name, names) || '.'} Networks: ${names.join(', ')}`,
  )
}

const same = (a: Shape | undefined, b: Shape | undefined) => !!a && !!b && a.join() === b.join()

/**
 * The network whose trunk has exactly the entries of a state dict, by name (known namings are translated) or, where
 * none has, by the order of shapes. Undefined where no network fits.
 */
export function inferNetwork(
  entries: ReadonlyMap<string, Shape>,
): { readonly network: Network; readonly match: 'name' | 'order' } | undefined {
  const shapes = [...entries].filter(([name]) => !name.endsWith('num_batches_tracked'))
  for (const match of ['name', 'order'] as const)
    for (const network of networks) {
      const graph = networkGraph(network, { classes: 1, batch: 1 })
      const trunk = [...stateShapes(graph)].filter(([name]) => !belongsTo(name, network.head))
      const translated = new Map(shapes.map(([name, shape]) => [network.translate?.(name) ?? name, shape]))
      const rest = translated.size - [...translated.keys()].filter(name => belongsTo(name, network.head)).length
      const fits =
        match === 'name'
          ? rest === trunk.length && trunk.every(([name, shape]) => same(translated.get(name), shape))
          : shapes.length === trunk.length && trunk.every(([, shape], i) => same(shapes[i]?.[1], shape))
      if (fits) return { network, match }
    }
  return undefined
}
