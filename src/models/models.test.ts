import { readFileSync } from 'node:fs'
import { expect, it, describe as suite } from 'vitest'
import { sharedPath } from '../base/shared.js'
import { elements, foldBatchNorm, forInference, fuse, interpret, lookUp, valuesOf } from '../graph/index.js'
import { describe, inferNetwork, networkGraph, networkNamed, networks, stateShapes, summarise } from './index.js'

const count = (name: string, classes = 1000) => {
  const graph = networkGraph(networkNamed(name), { classes, batch: 1 })
  return valuesOf(graph, 'parameter').reduce((sum, { shape }) => sum + elements(shape), 0)
}

suite('networks', () => {
  // torchvision's documentation, and the published EfficientNet-Lite sizes (4.7, 5.4, 6.1, 8.2, 13.0 million).
  it.each([
    ['resnet18', 11_689_512],
    ['resnet34', 21_797_672],
    ['resnet50', 25_557_032],
    ['resnet101', 44_549_160],
    ['resnet152', 60_192_808],
    ['mobilenet_v2', 3_504_872],
    ['wide_resnet50_2', 68_883_240],
    ['wide_resnet101_2', 126_886_696],
    ['resnext50_32x4d', 25_028_904],
    ['resnext101_32x8d', 88_791_336],
    ['resnext101_64x4d', 83_455_272],
    ['efficientnet_lite0', 4_652_008],
    ['efficientnet_lite1', 5_416_680],
    ['efficientnet_lite2', 6_092_072],
    ['efficientnet_lite3', 8_197_096],
    ['efficientnet_lite4', 13_006_568],
  ])('%s has %d parameters', (name, parameters) => {
    expect(count(name)).toBe(parameters)
  })

  it('have torchvision’s names in torchvision’s order', () => {
    const names = [...stateShapes(networkGraph(networkNamed('resnet50'), { classes: 1000, batch: 1 })).keys()]
    expect(names.slice(0, 7)).toEqual([
      'conv1.weight',
      'bn1.weight',
      'bn1.bias',
      'bn1.running_mean',
      'bn1.running_var',
      'layer1.0.conv1.weight',
      'layer1.0.bn1.weight',
    ])
    expect(names).toContain('layer4.0.downsample.1.running_var')
    expect(names.slice(-2)).toEqual(['fc.weight', 'fc.bias'])
    const light = [...stateShapes(networkGraph(networkNamed('mobilenet_v2'), { classes: 10, batch: 1 })).keys()]
    expect(light[5]).toBe('features.1.conv.0.0.weight')
    expect(light.slice(-2)).toEqual(['classifier.1.weight', 'classifier.1.bias'])
  })

  it.each(networks.map(network => network.name))('%s works on images of 32 pixels and of an odd size', name => {
    for (const size of [32, 75]) {
      const graph = networkGraph(networkNamed(name), { classes: 7, batch: 2, size })
      expect(lookUp(graph, graph.outputs[0] as string).shape).toEqual([2, 7])
    }
  })

  it('suggests the right name for a typo', () => {
    expect(() => networkNamed('resnet5O')).toThrow(/there is no network 'resnet5O'; did you mean 'resnet50'\?/)
  })
})

suite('describe', () => {
  const golden = sharedPath('golden/resnet50-101.txt')
  it.skipIf(!golden)(`prints ResNet-50 as PyTorch does${golden ? '' : ' (skipped: needs ../shared/golden)'}`, () => {
    expect(`${describe(networkNamed('resnet50'), 101)}\n`).toBe(readFileSync(golden as string, 'utf8'))
  })

  it('prints MobileNetV2’s blocks as torchvision does', () => {
    const lines = describe(networkNamed('mobilenet_v2'), 5).split('\n')
    expect(lines.slice(0, 7)).toEqual([
      'MobileNetV2(',
      '  (features): Sequential(',
      '    (0): Conv2dNormActivation(',
      '      (0): Conv2d(3, 32, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)',
      '      (1): BatchNorm2d(32, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)',
      '      (2): ReLU6(inplace=True)',
      '    )',
    ])
    expect(lines.slice(-5)).toEqual([
      '  (classifier): Sequential(',
      '    (0): Dropout(p=0.2, inplace=False)',
      '    (1): Linear(in_features=1280, out_features=5, bias=True)',
      '  )',
      ')',
    ])
  })

  it('counts 4.09 billion multiply-adds for ResNet-50 at 224 pixels, as torchvision’s documentation does', () => {
    const convolutions = summarise(networkNamed('resnet50'), 1000).filter(layer =>
      ['conv2d', 'linear'].includes(layer.operator),
    )
    const flops = convolutions.reduce((sum, layer) => sum + layer.flops, 0)
    expect(flops / 2e9).toBeCloseTo(4.09, 2)
  })
})

suite('inferNetwork', () => {
  const shapesOf = (name: string, classes: number) =>
    stateShapes(networkGraph(networkNamed(name), { classes, batch: 1 }))

  // TensorFlow's MobileNetV2 has the names of torchvision's where regraft has written it; PyTorch's forms of Lite have TensorFlow's.
  const told = networks.filter(({ name }) => name !== 'tf_mobilenet_v2' && !name.endsWith('_torch'))
  it.each(told.map(network => network.name))('finds %s by its names, whatever the number of classes', name => {
    expect(inferNetwork(shapesOf(name, 13))).toMatchObject({ network: { name }, match: 'name' })
  })

  it('finds a network by the order of shapes where names are foreign and the head is missing', () => {
    const trunk = [...shapesOf('mobilenet_v2', 3)].filter(([name]) => !name.startsWith('classifier'))
    const renamed = new Map(trunk.map(([name, shape], i) => [`${i}.${name.split('.').at(-1)}`, shape]))
    expect(inferNetwork(renamed)).toMatchObject({ network: { name: 'mobilenet_v2' }, match: 'order' })
  })

  it('finds nothing for a stranger', () => {
    expect(inferNetwork(new Map([['a.weight', [3, 3]]]))).toBeUndefined()
  })
})

suite('foldBatchNorm', () => {
  it('gives the same logits without a single norm', () => {
    const graph = fuse(forInference(networkGraph(networkNamed('resnet18-narrow'), { classes: 3, batch: 1, size: 32 })))
    const random = (name: string, n: number) =>
      new Float32Array(n).map(
        (_, i) => (name.endsWith('running_var') ? 1 : 0) + Math.sin(i * 12.9898 + name.length) * 0.3,
      )
    const original = new Map(
      valuesOf(graph, 'input', 'parameter', 'statistic').map(({ name, shape }) => [
        name,
        random(name, elements(shape)),
      ]),
    )
    const folded = foldBatchNorm(graph)
    expect(folded.graph.nodes.map(node => node.operator)).not.toContain('batchNorm')
    const doubles = (values: ReadonlyMap<string, Float32Array>) =>
      new Map([...values].map(([name, data]) => [name, Float64Array.from(data)]))
    const expected = interpret(graph, doubles(original)).get('fc') as Float64Array
    const parameters = folded.parameters(name => original.get(name) as Float32Array)
    const actual = interpret(
      folded.graph,
      doubles(parameters.set('images', original.get('images') as Float32Array)),
    ).get('fc') as Float64Array
    for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i] as number, 4)
  })
})
