/** Files of networks that are not known here are called what they are, below whatever prefix. */
import { describe, expect, it } from 'vitest'
import type { Shape } from '../graph/index.js'
import { lookalike, networks, stateShapes } from './index.js'
import { networkGraph } from './network.js'

/** Entries as 'name 64x3x7x7', one or more of them. */
const entries = (...written: readonly string[]) =>
  new Map<string, Shape>(
    written.map(line => {
      const [name = '', shape = ''] = line.split(' ')
      return [name, shape.split('x').map(Number)] as const
    }),
  )

/** Bottlenecks with the names of ResNets: two entries of each block. */
const blocks = (counts: readonly number[], conv2 = '64x64x3x3') =>
  counts.flatMap((count, stage) =>
    Array.from({ length: count }, (_, i) => [
      `layer${stage + 1}.${i}.conv2.weight ${conv2}`,
      `layer${stage + 1}.${i}.conv3.weight 256x64x1x1`,
    ]).flat(),
  )
const stem = ['conv1.weight 64x3x7x7', 'layer1.0.bn1.running_var 64']
const squeezed = 'weighs its channels by squeeze-and-excitation'

describe('a file looks like', () => {
  it.each([
    [
      'ResNet-50-D',
      'a stem of three',
      ['conv1.3.weight 32x32x3x3', 'layer2.0.downsample.2.weight 512', ...blocks([3, 4, 6, 3])],
    ],
    ['a ResNet-26', 'stages of 2, 2, 2, 2 blocks, the first of 64 channels', [...stem, ...blocks([2, 2, 2, 2])]],
    [
      'a ResNeXt-101',
      '23, 3 blocks, the first of 512 channels in groups of 16',
      [...stem, ...blocks([3, 4, 23, 3], '512x16x3x3')],
    ],
    ['a ResNet-50', 'pictures of 1 channel, not of three', ['conv1.weight 64x1x7x7', ...blocks([3, 4, 6, 3])]],
    ['a ResNet-50', 'without running statistics', ['conv1.weight 64x3x7x7', ...blocks([3, 4, 6, 3])]],
    ['a ResNet for small images', 'a first convolution of 3 x 3', ['conv1.weight 16x3x3x3', ...blocks([3, 3, 3])]],
    ['SE-ResNet-50', squeezed, [...stem, ...blocks([3, 4, 6, 3]), 'layer1.0.se.fc1.weight 16x256x1x1']],
    ['ResNet-v2', 'norms before', ['stem.conv.weight 64x3x7x7', 'stages.0.blocks.0.norm1.weight 64']],
    ['EfficientNet-B0 or B1', squeezed, ['conv_head.weight 1280x320x1x1', 'blocks.0.0.se.conv_reduce.weight 8x32x1x1']],
    [
      'EfficientNet-B0 or B1',
      squeezed,
      ['features.8.0.weight 1280x320x1x1', 'features.1.0.block.1.fc1.weight 8x32x1x1'],
    ],
    ['EfficientNetV2', 'dense', ['blocks.1.0.conv_exp.weight 96x24x3x3', 'blocks.4.0.se.conv_reduce.weight 8x32x1x1']],
    ['MobileNetV3', 'hard swish', ['classifier.3.weight 1000x1024', 'features.1.block.1.fc1.weight 8x16x1x1']],
    [
      'MobileNetV2 of another width',
      'other channels',
      ['blocks.1.0.conv_pwl.weight 32x144x1x1', 'blocks.2.0.conv_dw.weight 192x1x3x3'],
    ],
    ['Vision Transformer', 'attention', ['cls_token 1x1x768', 'blocks.0.attn.qkv.weight 2304x768']],
    ['Swin Transformer', 'attention', ['layers.0.blocks.0.attn.relative_position_bias_table 169x3']],
    ['DenseNet', 'every layer', ['features.denseblock1.denselayer1.norm1.weight 64']],
    ['VGG', 'chain', ['features.0.weight 64x3x3x3', 'classifier.0.weight 4096x25088']],
    ['ConvNeXt', 'layer norms', ['stages.0.blocks.0.conv_dw.weight 96x1x7x7', 'stages.0.blocks.0.gamma 96']],
    ['RegNet', 'widths', ['s1.b1.conv1.conv.weight 72x32x1x1']],
    ['a text model', 'does not take images', ['embeddings.word_embeddings.weight 30522x768']],
  ])('%s, which … %s', (name, which, written) => {
    for (const prefix of ['', 'model.', 'backbone.']) {
      const found = lookalike(entries(...written.map(line => `${prefix}${line}`)))
      expect(found?.name).toBe(name)
      expect(found?.which).toContain(which)
    }
  })

  it('nothing, where its names say nothing', () => {
    expect(lookalike(entries('a.weight 3x3'))).toBeUndefined()
    expect(lookalike(new Map())).toBeUndefined()
  })
})

it('nothing here is taken for a stranger, whole or in part', () => {
  for (const network of networks) {
    const shapes = stateShapes(networkGraph(network, { classes: 5, batch: 1, size: 64 }))
    for (const some of [shapes, new Map([...shapes].slice(0, -7))])
      expect(lookalike(some), network.name).toBeUndefined()
  }
})
