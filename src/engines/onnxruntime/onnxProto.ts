/** The part of ONNX's protobuf schema that models here use (field numbers from onnx.proto, IR version 8). */
import { createRequire } from 'node:module'
import type { Root, Type } from 'protobufjs'

const field = (type: string, id: number) => ({ type, id })
const repeated = (type: string, id: number) => ({ rule: 'repeated', type, id })

const schema = {
  nested: {
    ModelProto: {
      fields: {
        irVersion: field('int64', 1),
        producerName: field('string', 2),
        producerVersion: field('string', 3),
        graph: field('GraphProto', 7),
        opsetImport: repeated('OperatorSetIdProto', 8),
        metadataProps: repeated('StringStringEntryProto', 14),
      },
    },
    StringStringEntryProto: { fields: { key: field('string', 1), value: field('string', 2) } },
    OperatorSetIdProto: { fields: { domain: field('string', 1), version: field('int64', 2) } },
    GraphProto: {
      fields: {
        node: repeated('NodeProto', 1),
        name: field('string', 2),
        initializer: repeated('TensorProto', 5),
        input: repeated('ValueInfoProto', 11),
        output: repeated('ValueInfoProto', 12),
      },
    },
    NodeProto: {
      fields: {
        input: repeated('string', 1),
        output: repeated('string', 2),
        name: field('string', 3),
        opType: field('string', 4),
        attribute: repeated('AttributeProto', 5),
        domain: field('string', 7),
      },
    },
    AttributeProto: {
      fields: {
        name: field('string', 1),
        f: field('float', 2),
        i: field('int64', 3),
        s: field('bytes', 4),
        floats: { ...repeated('float', 7), options: { packed: false } },
        ints: { ...repeated('int64', 8), options: { packed: false } },
        type: field('int32', 20),
      },
    },
    TensorProto: {
      fields: {
        dims: { ...repeated('int64', 1), options: { packed: false } },
        dataType: field('int32', 2),
        name: field('string', 8),
        rawData: field('bytes', 9),
      },
    },
    ValueInfoProto: { fields: { name: field('string', 1), type: field('TypeProto', 2) } },
    TypeProto: { fields: { tensorType: field('TensorTypeProto', 1) } },
    TensorTypeProto: { fields: { elemType: field('int32', 1), shape: field('TensorShapeProto', 2) } },
    TensorShapeProto: { fields: { dim: repeated('Dimension', 1) } },
    Dimension: { fields: { dimValue: field('int64', 1), dimParam: field('string', 2) } },
  },
}

let modelType: Type | undefined

/** A model's message. Most commands write none, and the library takes a tenth of a second to load. */
function modelProto(): Type {
  if (modelType) return modelType
  const protobuf = createRequire(import.meta.url)('protobufjs') as { readonly Root: typeof Root }
  modelType = protobuf.Root.fromJSON(schema).lookupType('ModelProto')
  return modelType
}

/** A number, numbers or text; whole numbers are integers unless wrapped by `float`. */
export type Attribute =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly floats: readonly number[] }

export interface OnnxNode {
  /** An operator of ONNX's own by its name, one of ONNX Runtime's with its domain: 'Conv', 'com.microsoft.nchwc.Conv'. */
  readonly type: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
}

/** Element types that occur, with their numbers in TensorProto. */
const types = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float64: 11 } as const

export interface OnnxTensor {
  readonly name: string
  readonly type: keyof typeof types
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** A size may be a name: then it is free. */
export interface OnnxValue {
  readonly name: string
  readonly shape: readonly (number | string)[]
  /** Default: float32. */
  readonly type?: keyof typeof types
}

export interface OnnxModel {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly initializers: readonly OnnxTensor[]
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  readonly metadata?: Readonly<Record<string, string>>
}

function attribute(name: string, value: Attribute) {
  if (typeof value === 'string') return { name, type: 3, s: Buffer.from(value) }
  if (typeof value === 'number') return { name, type: 2, i: value }
  if ('float' in value) return { name, type: 1, f: value.float }
  if ('floats' in value) return { name, type: 6, floats: [...value.floats] }
  return { name, type: 7, ints: [...value] }
}

const valueInfo = ({ name, shape, type = 'float32' }: OnnxValue) => ({
  name,
  type: {
    tensorType: {
      elemType: types[type],
      shape: { dim: shape.map(size => (typeof size === 'number' ? { dimValue: size } : { dimParam: size })) },
    },
  },
})

/** An operator's name and its domain, which is '' for ONNX's own. */
function operator(type: string): { readonly opType: string; readonly domain: string } {
  const dot = type.lastIndexOf('.')
  return { opType: type.slice(dot + 1), domain: type.slice(0, Math.max(dot, 0)) }
}

/** The model as an .onnx file's bytes. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const domains = new Set(model.nodes.map(({ type }) => operator(type).domain))
  const type = modelProto()
  const message = type.create({
    irVersion: 8,
    producerName: 'regraft',
    opsetImport: [
      { domain: '', version: 17 },
      ...[...domains].filter(domain => domain !== '').map(domain => ({ domain, version: 1 })),
    ],
    graph: {
      name: model.name,
      node: model.nodes.map(({ type, inputs, outputs, attributes }, index) => ({
        name: `${index}.${type}`,
        ...operator(type),
        input: [...inputs],
        output: [...outputs],
        attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      })),
      initializer: model.initializers.map(({ name, type, shape, bytes }) => ({
        name,
        dataType: types[type],
        dims: [...shape],
        rawData: bytes,
      })),
      input: model.inputs.map(valueInfo),
      output: model.outputs.map(valueInfo),
    },
    metadataProps: Object.entries(model.metadata ?? {}).map(([key, value]) => ({ key, value })),
  })
  return type.encode(message).finish()
}
