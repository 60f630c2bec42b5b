/** A model with reproducible random weights, whose norms do something. */
import { withSize } from '../base/preprocessing.js'
import { randomStream } from '../base/random.js'
import { elements, type Shape, valuesOf } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import type { Model } from '../training/index.js'

/** Numbers of the size that weights or images of a shape have. */
export function randomValues(name: string, shape: Shape): Float32Array {
  const random = randomStream(3, name)
  const spread = 1 / Math.sqrt(elements(shape.slice(1)))
  const around = /running_var|(bn\d?|norm)\.weight/.test(name) ? 1 : 0
  return new Float32Array(elements(shape)).map(() => around + (around ? 0.2 * random.next() : spread * random.normal()))
}

/** @param size height and width of its images */
export function randomModel(network: string, classes: readonly string[], size: number): Model {
  const graph = networkGraph(networkNamed(network), { classes: classes.length, batch: 1, size })
  const values = new Map(
    valuesOf(graph, 'parameter', 'statistic').map(({ name, shape }) => [name, randomValues(name, shape)] as const),
  )
  const preprocessing = withSize(networkNamed(network).preprocessing, size)
  return { format: 'regraft-model-1', network, classes: [...classes], preprocessing, values }
}
