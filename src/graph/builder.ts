/** Builds graphs node by node, checking shapes as it goes. */
import { type Graph, lookUp, type Node, type Role, type Shape, type Value } from './graph.js'
import type { NodeBuilder } from './operator.js'
import type { AttributesOf, OperatorName } from './operators/attributes.js'
import { operator } from './operators/index.js'

export class GraphBuilder implements NodeBuilder {
  readonly values: Map<string, Value>
  readonly nodes: Node[]

  /** @param start a graph to go on from; it is not changed */
  constructor(
    readonly name: string,
    start?: Graph,
  ) {
    this.values = new Map(start?.values)
    this.nodes = [...(start?.nodes ?? [])]
  }

  /** Declares a value that is not computed by a node. Parameters are trainable until frozen. */
  declare(name: string, role: Exclude<Role, 'intermediate'>, shape: Shape): string {
    if (this.values.has(name)) throw new Error(`the graph already has a value '${name}'`)
    this.values.set(name, role === 'parameter' ? { name, role, shape, trainable: true } : { name, role, shape })
    return name
  }

  /** Appends a node; its outputs are named after `name` ('conv1', 'conv1.mean', …). Returns the names of the outputs. */
  node<Name extends OperatorName>(
    operatorName: Name,
    name: string,
    inputs: readonly string[],
    attributes: AttributesOf<Name>,
    outputSuffixes: readonly string[] = [''],
  ): string[] {
    const shapes = this.#shapes(operatorName, name, inputs, attributes)
    const base = this.#unused(name)
    const outputs = outputSuffixes.map(suffix => (suffix === '' ? base : `${base}.${suffix}`))
    outputs.forEach((output, index) => {
      const shape = shapes[index]
      if (!shape) throw new Error(`${operatorName} has no output ${index}`)
      this.values.set(output, { name: output, shape, role: 'intermediate' })
    })
    this.nodes.push({ operator: operatorName, attributes, inputs, outputs } as unknown as Node)
    return outputs
  }

  /** As `node`, for the common case of one output. */
  one<Name extends OperatorName>(
    operatorName: Name,
    name: string,
    inputs: readonly string[],
    attributes: AttributesOf<Name>,
  ): string {
    return this.node(operatorName, name, inputs, attributes)[0] as string
  }

  shape(name: string): Shape {
    return lookUp(this, name).shape
  }

  /** The finished graph. */
  build(outputs: readonly string[], updates: ReadonlyMap<string, string> = new Map()): Graph {
    for (const name of [...outputs, ...updates.keys(), ...updates.values()]) lookUp(this, name)
    return { name: this.name, values: new Map(this.values), nodes: [...this.nodes], outputs, updates }
  }

  #shapes<Name extends OperatorName>(
    operatorName: Name,
    name: string,
    inputs: readonly string[],
    attributes: AttributesOf<Name>,
  ): Shape[] {
    const shapes = inputs.map(input => (input === '' ? undefined : this.shape(input)))
    try {
      return operator(operatorName).shapes(shapes, attributes)
    } catch (error) {
      throw new Error(`${operatorName} '${name}': ${(error as Error).message}`, { cause: error })
    }
  }

  #unused(name: string): string {
    let candidate = name
    for (let i = 1; this.values.has(candidate); i++) candidate = `${name}_${i}`
    return candidate
  }
}
