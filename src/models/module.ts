/** Modules: a network as a tree of named parts, from which both its graph and its printed structure follow. */
import { type Graph, GraphBuilder, type Shape } from '../graph/index.js'

/** Where a module stands while its graph is built: its full name, and the graph so far. */
export interface Place {
  readonly builder: GraphBuilder
  /** Full name, as PyTorch's `named_modules` gives it: 'layer1.0.conv1'. */
  readonly path: string
}

/** A part of a network, in the way of `torch.nn.Module`: declared first, then called with a value. */
export interface Module {
  /** Class name in the printed structure, for instance 'Conv2d'. */
  readonly type: string
  /** What stands between the parentheses of a module without children. */
  readonly extra?: string
  readonly children?: Readonly<Record<string, Module>>
  /** Parameters and statistics of the module itself, in state-dict order: name → role and shape. */
  readonly tensors?: Readonly<Record<string, { readonly role: 'parameter' | 'statistic'; readonly shape: Shape }>>
  /** Appends the nodes that compute the module's output from `x`; returns its name. */
  forward(place: Place, x: string): string
}

/** Calls the child of that name. */
export type Call<Child extends string> = (child: Child, x: string) => string

/** A module that consists of others, called in `forward` by their names; order of `children` is order of parameters. */
export function composite<Child extends string>(
  type: string,
  children: Readonly<Record<Child, Module>>,
  forward: (call: Call<Child>, x: string, place: Place) => string,
): Module {
  return {
    type,
    children,
    forward: (place, x) => forward((child, input) => children[child].forward(at(place, child), input), x, place),
  }
}

/** Modules one after another, named 0, 1, 2, … as in `torch.nn.Sequential` unless names are given. */
export function sequential(modules: readonly Module[] | Readonly<Record<string, Module>>, type = 'Sequential'): Module {
  const children = Object.fromEntries(Object.entries(modules)) as Record<string, Module>
  return composite(type, children, (call, x) => Object.keys(children).reduce((value, name) => call(name, value), x))
}

/** The place of a child. */
const at = ({ builder, path }: Place, child: string): Place => ({ builder, path: path ? `${path}.${child}` : child })

function declareTensors(module: Module, place: Place): void {
  for (const [name, { role, shape }] of Object.entries(module.tensors ?? {}))
    place.builder.declare(at(place, name).path, role, shape)
  for (const [name, child] of Object.entries(module.children ?? {})) declareTensors(child, at(place, name))
}

/**
 * The forward graph of a network: input `images` [batch, 3, height, width], normalised as its preprocessing says;
 * output `logits` [batch, classes]. Batch norms use stored statistics, dropout reads its mask from an input.
 */
export function buildGraph(
  name: string,
  network: Module,
  images: { batch: number; height: number; width: number },
): Graph {
  const builder = new GraphBuilder(name)
  const input = builder.declare('images', 'input', [images.batch, 3, images.height, images.width])
  declareTensors(network, { builder, path: '' })
  return builder.build([network.forward({ builder, path: '' }, input)])
}

/** The structure as PyTorch's `repr` prints a module. */
export function structure(module: Module): string {
  const children = Object.entries(module.children ?? {})
  if (children.length === 0) return `${module.type}(${module.extra ?? ''})`
  const lines = children.map(([name, child]) => `  (${name}): ${structure(child).replaceAll('\n', '\n  ')}`)
  return `${module.type}(\n${lines.join('\n')}\n)`
}
