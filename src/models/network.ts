/** What the registry holds for each network, and the graph made from it. */
import type { Preprocessing } from '../base/preprocessing.js'
import type { Graph } from '../graph/index.js'
import { buildGraph, type Module } from './module.js'
import type { Naming } from './namings.js'

/** Published weights of a network. */
export interface PretrainedWeights {
  /** An https address, `hf:owner/name` (the safetensors file of a model on the Hugging Face Hub), or a file: address. */
  readonly url: string
  /** The SHA-256 of the file or its first digits; the Hub gives its own. */
  readonly sha256?: string
  /** Where it comes from and what it was trained on. */
  readonly origin: string
  readonly licence: string
  /** ImageNet top-1 accuracy as published, a fraction; none where it was not trained on ImageNet. */
  readonly top1?: number
  /** Where it differs from the network's. */
  readonly preprocessing?: Preprocessing
}

/** A network with everything that is known of it. */
export interface Network {
  readonly name: string
  /** The tree of modules for that many classes. @param dropout probability before the head, where the network has it */
  module(classes: number, dropout?: number): Module
  /** Name of the last fully connected layer: what a graft replaces. */
  readonly head: string
  /** The parts in order from input to head, each as the modules it consists of; the first one names it. */
  readonly stages: readonly (readonly [string, ...string[]])[]
  readonly preprocessing: Preprocessing
  /** Published weights by name, the default first. */
  readonly weights: Readonly<Record<string, PretrainedWeights>>
  /** The network's own name for a parameter in another naming that is known, or undefined. */
  translate?(name: string): string | undefined
  /** Other programs' ways of naming all of its parameters; an empty one is its own. Default: its own alone. */
  readonly namings?: readonly Naming[]
  /** Outputs before the first class that the files of its authors have: TensorFlow's 'background'. */
  readonly leadingOutputs?: number
  /** A network whose parameters have the same names and shapes, and that computes otherwise: files of the two look alike. */
  readonly twin?: string
}

/** Whether a parameter or statistic belongs to the part with that prefix. */
export const belongsTo = (name: string, prefix: string): boolean => name.startsWith(`${prefix}.`)

/** The forward graph for a number of classes, images in a batch, and image side in pixels. */
export function networkGraph(
  network: Network,
  options: { readonly classes: number; readonly batch: number; readonly size?: number; readonly dropout?: number },
): Graph {
  const size = options.size ?? network.preprocessing.size
  const module = network.module(options.classes, options.dropout)
  return buildGraph(network.name, module, { batch: options.batch, height: size, width: size })
}

/** ImageNet's preprocessing as torchvision has it. @param resize 256 for its V1 weights, 232 for V2 */
export const torchvisionPreprocessing = (resize: number, size = 224): Preprocessing => ({
  size,
  resize,
  interpolation: 'bilinear',
  crop: 'center',
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
})
