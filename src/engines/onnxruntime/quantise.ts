/** Static quantisation of an ONNX model to 8 bits, in the pairs of QuantizeLinear and DequantizeLinear that runtimes fuse. */
import { OnnxWriter } from './lowering/writer.js'
import type { OnnxModel, OnnxNode, OnnxTensor } from './onnxProto.js'

/** Least and greatest value of a tensor. */
export type Range = readonly [number, number]

/** Operators whose inputs and outputs become 8 bits; the last layer stays float32, where rounding would cost most. */
const quantised = new Set(['Conv', 'Add', 'MaxPool', 'Relu', 'Clip'])
const activations = new Set(['Relu', 'Clip'])

/**
 * The tensors whose ranges have to be known: what convolutions, additions and pooling read and write, but for what goes
 * into an activation alone, which is never stored.
 */
export function rangedTensors({ nodes, initializers }: OnnxModel): string[] {
  const constants = new Set(initializers.map(({ name }) => name))
  const reader = soleReaders(nodes)
  const tensors = nodes.flatMap(node => (quantised.has(node.type) ? [...activationsOf(node), ...node.outputs] : []))
  return [...new Set(tensors)].filter(name => !constants.has(name) && !activations.has(reader.get(name)?.type ?? ''))
}

/** The inputs of a node that are images. */
const activationsOf = ({ type, inputs }: OnnxNode) => (type === 'Add' ? inputs : inputs.slice(0, 1))

/** Tensors that one node alone reads, and that node. */
function soleReaders(nodes: readonly OnnxNode[]): Map<string, OnnxNode> {
  const readers = new Map<string, OnnxNode[]>()
  for (const node of nodes) for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node])
  return new Map([...readers].flatMap(([name, all]) => (all.length === 1 ? [[name, all[0]!]] : [])))
}

/** The model with its least and greatest values as outputs, two numbers a tensor: `NAME#min`, `NAME#max`. */
export function withRanges(model: OnnxModel): OnnxModel {
  const tensors = rangedTensors(model)
  const nodes = tensors.flatMap((name): OnnxNode[] => [
    { type: 'ReduceMin', inputs: [name], outputs: [`${name}#min`], attributes: { keepdims: 0 } },
    { type: 'ReduceMax', inputs: [name], outputs: [`${name}#max`], attributes: { keepdims: 0 } },
  ])
  const outputs = tensors.flatMap(name => [`${name}#min`, `${name}#max`].map(output => ({ name: output, shape: [] })))
  return { ...model, nodes: [...model.nodes, ...nodes], outputs }
}

/** A step and the whole number that stands for 0: uint8 values are (q - zero) * scale, and 0 itself is exact. */
function steps([least, most]: Range): { readonly scale: number; readonly zero: number } {
  const [low, high] = [Math.min(least, 0), Math.max(most, 0)]
  const scale = Math.fround(Math.max(high - low, 1e-8) / 255)
  return { scale, zero: Math.max(0, Math.min(255, Math.round(-low / scale))) }
}

/**
 * Weights of convolutions become int8 with a step for each filter, activations uint8 with one step each, biases int32.
 * @param ranges of each of `rangedTensors`
 */
export function quantise(model: OnnxModel, ranges: ReadonlyMap<string, Range>): OnnxModel {
  const writer = new OnnxWriter(false, 1)
  const constants = new Map(model.initializers.map(tensor => [tensor.name, tensor]))
  const kept = new Map(constants)
  const made: OnnxTensor[] = []
  const tensor = (name: string, type: OnnxTensor['type'], shape: readonly number[], bytes: Uint8Array): string => {
    made.push({ name, type, shape, bytes })
    return name
  }
  const bytesOf = (values: Float32Array | Int8Array | Int32Array | Uint8Array) =>
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const dequantised = new Map<string, string>()
  /** An activation that went through 8 bits. */
  const through = (name: string): string => {
    const range = ranges.get(name)
    const known = dequantised.get(name)
    if (known !== undefined || range === undefined) return known ?? name
    const { scale, zero } = steps(range)
    const parameters = [
      tensor(`${name}.scale`, 'float32', [], bytesOf(Float32Array.of(scale))),
      tensor(`${name}.zero`, 'uint8', [], Uint8Array.of(zero)),
    ]
    const q = writer.add('QuantizeLinear', [name, ...parameters], {}, `${name}.quantised`)
    const result = writer.add('DequantizeLinear', [q, ...parameters], {}, `${name}.dequantised`)
    dequantised.set(name, result)
    return result
  }
  const floats = ({ bytes }: OnnxTensor) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  const convolution = (node: OnnxNode): OnnxNode => {
    const [x, weight, bias] = node.inputs as [string, string, string?]
    const weights = constants.get(weight) as OnnxTensor
    const { scales, values } = quantisedFilters(floats(weights), weights.shape[0]!)
    const filters = weights.shape[0] as number
    kept.delete(weight)
    const scale = tensor(`${weight}.scale`, 'float32', [filters], bytesOf(scales))
    const zeros = tensor(`${weight}.zero`, 'int8', [filters], new Uint8Array(filters))
    const q = tensor(`${weight}.quantised`, 'int8', weights.shape, bytesOf(values))
    const inputs = [through(x), writer.add('DequantizeLinear', [q, scale, zeros], { axis: 0 }, `${weight}.dequantised`)]
    if (bias) {
      kept.delete(bias)
      const input = steps(ranges.get(x) as Range).scale
      const both = scales.map(step => Math.fround(step * input))
      const rounded = Int32Array.from(floats(constants.get(bias) as OnnxTensor), (value, i) =>
        Math.round(value / both[i]!),
      )
      const biasScale = tensor(`${bias}.scale`, 'float32', [filters], bytesOf(both))
      const biasZeros = tensor(`${bias}.zero`, 'int32', [filters], new Uint8Array(4 * filters))
      const biasBytes = tensor(`${bias}.quantised`, 'int32', [filters], bytesOf(rounded))
      const dequantisedBias = `${bias}.dequantised`
      inputs.push(writer.add('DequantizeLinear', [biasBytes, biasScale, biasZeros], { axis: 0 }, dequantisedBias))
    }
    return { ...node, inputs }
  }
  for (const node of model.nodes) {
    const next = node.type === 'Conv' ? convolution(node) : { ...node, inputs: node.inputs.map(through) }
    writer.add(next.type, next.inputs, next.attributes, next.outputs[0])
  }
  return { ...model, nodes: writer.nodes, initializers: [...kept.values(), ...made] }
}

/** Each filter in steps of its own, symmetric about 0. */
function quantisedFilters(weights: Float32Array, filters: number) {
  const most = 127
  const length = weights.length / filters
  const scales = new Float32Array(filters)
  const values = new Int8Array(weights.length)
  for (let f = 0; f < filters; f++) {
    const own = weights.subarray(f * length, (f + 1) * length)
    const largest = own.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
    const scale = Math.fround(Math.max(largest, 1e-8) / most)
    scales[f] = scale
    own.forEach((weight, i) => {
      values[f * length + i] = Math.max(-most, Math.min(most, Math.round(weight / scale)))
    })
  }
  return { scales, values }
}
