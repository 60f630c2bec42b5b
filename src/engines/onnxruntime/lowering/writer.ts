/** Collects ONNX nodes and constants while a graph is lowered. */
import type { Attribute, OnnxNode, OnnxTensor } from '../onnxProto.js'

/** The attributes that let one of the runtime's own convolutions apply an activation. */
export const fusedActivation = (activation: 'none' | 'relu' | 'relu6'): Record<string, Attribute> => {
  if (activation === 'none') return {}
  return activation === 'relu' ? { activation: 'Relu' } : { activation: 'Clip', activation_params: { floats: [0, 6] } }
}

export class OnnxWriter {
  readonly nodes: OnnxNode[] = []
  readonly constants = new Map<string, OnnxTensor>()
  readonly #written = new Set<string>()
  #count = 0

  /**
   * @param fused whether ONNX Runtime's own fused operators may be used, or only standard ones
   * @param block channels of a block in which activations are kept (`layout.ts`); 1: they are kept in ONNX's order
   * @param prefix of names that are made up, where nodes of several writers come together
   */
  constructor(
    readonly fused: boolean,
    readonly block: number,
    readonly prefix = '',
  ) {}

  /** Whether a node has written that tensor. */
  has(name: string): boolean {
    return this.#written.has(name)
  }

  /** Appends a node with one output; its name is made up unless given. */
  add(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output?: string,
  ): string {
    return this.#append(type, inputs, attributes, [output])[0]!
  }

  /** Appends a node with two outputs. */
  addPair(type: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>>): [string, string] {
    return this.#append(type, inputs, attributes, [undefined, undefined]) as [string, string]
  }

  #append(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    given: readonly (string | undefined)[],
  ): readonly string[] {
    const outputs = given.map(name => name ?? `${this.prefix}#${this.#count++}`)
    const last = inputs.findLastIndex(input => input !== '')
    for (const output of outputs) this.#written.add(output)
    this.nodes.push({ type, inputs: inputs.slice(0, last + 1), outputs, attributes })
    return outputs
  }

  /** A constant of whole numbers: shapes, axes, indices. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.#constant('int64', shape, new Uint8Array(BigInt64Array.from(values, BigInt).buffer))
  }

  /** A constant of floats; a scalar where `shape` is []. */
  floats(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.#constant('float32', shape, new Uint8Array(Float32Array.from(values).buffer))
  }

  /** A constant of doubles; a scalar where `shape` is []. */
  doubles(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.#constant('float64', shape, new Uint8Array(Float64Array.from(values).buffer))
  }

  scalar(value: number): string {
    return this.floats([value], [])
  }

  #constant(type: OnnxTensor['type'], shape: readonly number[], bytes: Uint8Array): string {
    const key = `${type} [${shape}] ${Buffer.from(bytes).toString('base64')}`
    const known = this.constants.get(key)
    if (known) return known.name
    const name = `${this.prefix}constant${this.constants.size}`
    this.constants.set(key, { name, type, shape, bytes })
    return name
  }

  reshape(x: string, shape: readonly number[], output?: string): string {
    return this.add('Reshape', [x, this.integers(shape)], {}, output)
  }

  transpose(x: string, perm: readonly number[]): string {
    return this.add('Transpose', [x], { perm })
  }

  sum(x: string, axes: readonly number[], output?: string): string {
    return this.add('ReduceSum', [x, this.integers(axes)], { keepdims: 0 }, output)
  }

  /** Every `step`-th element of [start, end) on each of the axes. */
  slice(
    x: string,
    axes: readonly number[],
    start: readonly number[],
    end: readonly number[],
    step: readonly number[],
    output?: string,
  ): string {
    return this.add('Slice', [x, ...[start, end, axes, step].map(list => this.integers(list))], {}, output)
  }

  /** As many zeros more at the end of each axis. */
  padEnd(x: string, counts: readonly number[]): string {
    if (counts.every(count => count === 0)) return x
    return this.add('Pad', [x, this.integers([...counts.map(() => 0), ...counts])])
  }

  /** 1 where the activation passed the gradient, else 0. HardSigmoid is several times faster here than comparisons. */
  mask(y: string, activation: 'relu' | 'relu6'): string {
    const inside = activation === 'relu' ? y : this.add('Mul', [y, this.add('Sub', [this.scalar(6), y])])
    return this.add('HardSigmoid', [inside], { alpha: { float: 1e30 }, beta: { float: 0 } })
  }

  activate(x: string, activation: 'none' | 'relu' | 'relu6', output?: string): string {
    if (activation === 'none') return this.add('Identity', [x], {}, output)
    return activation === 'relu'
      ? this.add('Relu', [x], {}, output)
      : this.add('Clip', [x, this.scalar(0), this.scalar(6)], {}, output)
  }
}
