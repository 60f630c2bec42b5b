/** ResNet (He et al. 2015), Wide ResNet and ResNeXt in torchvision's form: v1.5, with the stride of a bottleneck on its 3x3 convolution. */
import { batchNorm2d, conv2d, globalAveragePool, linear, maxPool2d, relu } from './layers.js'
import { composite, type Module, sequential } from './module.js'
import { resnetNamings } from './namings.js'
import { type Network, type PretrainedWeights, torchvisionPreprocessing } from './network.js'

interface Block {
  /** Output channels per unit of width. */
  readonly expansion: number
  create(inputs: number, width: number, stride: number): Module
}

/** The projection of the shortcut where shape or width change. */
function shortcut(inputs: number, outputs: number, stride: number): Record<string, Module> {
  if (stride === 1 && inputs === outputs) return {}
  return { downsample: sequential([conv2d(inputs, outputs, { kernel: 1, stride }), batchNorm2d(outputs)]) }
}

const basicBlock: Block = {
  expansion: 1,
  create: (inputs, width, stride) => {
    const children: Record<string, Module> = {
      conv1: conv2d(inputs, width, { kernel: 3, stride, padding: 1 }),
      bn1: batchNorm2d(width),
      relu: relu(),
      conv2: conv2d(width, width, { kernel: 3, padding: 1 }),
      bn2: batchNorm2d(width),
      ...shortcut(inputs, width, stride),
    }
    return composite('BasicBlock', children, (call, x, { builder, path }) => {
      let y = call('relu', call('bn1', call('conv1', x)))
      y = call('bn2', call('conv2', y))
      const identity = children.downsample ? call('downsample', x) : x
      return call('relu', builder.one('add', `${path}.add`, [y, identity], {}))
    })
  },
}

/**
 * @param wider how many times the usual channels its 3x3 convolution has: 2 in Wide ResNets
 * @param groups of that convolution: several in ResNeXts
 */
const bottleneckOf = (wider: number, groups = 1): Block => ({
  expansion: 4,
  create: (inputs, usual, stride) => {
    const outputs = 4 * usual
    const width = wider * usual
    const children: Record<string, Module> = {
      conv1: conv2d(inputs, width, { kernel: 1 }),
      bn1: batchNorm2d(width),
      conv2: conv2d(width, width, { kernel: 3, stride, padding: 1, groups }),
      bn2: batchNorm2d(width),
      conv3: conv2d(width, outputs, { kernel: 1 }),
      bn3: batchNorm2d(outputs),
      relu: relu(),
      ...shortcut(inputs, outputs, stride),
    }
    return composite('Bottleneck', children, (call, x, { builder, path }) => {
      let y = call('relu', call('bn1', call('conv1', x)))
      y = call('relu', call('bn2', call('conv2', y)))
      y = call('bn3', call('conv3', y))
      const identity = children.downsample ? call('downsample', x) : x
      return call('relu', builder.one('add', `${path}.add`, [y, identity], {}))
    })
  },
})
const bottleneck = bottleneckOf(1)
const wide = bottleneckOf(2)
/** Xie et al. 2016: groups, and how many channels each has in the first stage. */
const of32x4 = bottleneckOf(2, 32)
const of32x8 = bottleneckOf(4, 32)
const of64x4 = bottleneckOf(4, 64)

/** @param width channels of the first stage; each further one doubles them */
function resnetModule(block: Block, repeats: readonly number[], width: number, classes: number): Module {
  let channels = width
  const stages = repeats.map((count, stage) => {
    const blocks: Module[] = []
    for (let i = 0; i < count; i++) {
      blocks.push(block.create(channels, width * 2 ** stage, stage > 0 && i === 0 ? 2 : 1))
      channels = width * 2 ** stage * block.expansion
    }
    return sequential(blocks)
  })
  const children: Record<string, Module> = {
    conv1: conv2d(3, width, { kernel: 7, stride: 2, padding: 3 }),
    bn1: batchNorm2d(width),
    relu: relu(),
    maxpool: maxPool2d(3, 2, 1),
    ...Object.fromEntries(stages.map((stage, i) => [`layer${i + 1}`, stage])),
    avgpool: globalAveragePool(),
    fc: linear(channels, classes),
  }
  return sequential(children, 'ResNet')
}

/** torchvision's file: its name holds the first eight digits of its SHA-256. */
function published(file: string, top1: number, resize: number): PretrainedWeights {
  return {
    url: `https://download.pytorch.org/models/${file}`,
    sha256: file.slice(file.lastIndexOf('-') + 1, -'.pth'.length),
    origin: `torchvision, trained on ImageNet-1k (${resize === 256 ? 'V1' : 'V2'} recipe)`,
    licence: 'BSD-3-Clause',
    top1,
    preprocessing: torchvisionPreprocessing(resize),
  }
}

function resnet(
  name: string,
  block: Block,
  repeats: readonly number[],
  weights: Network['weights'],
  width = 64,
): Network {
  return {
    name,
    module: classes => resnetModule(block, repeats, width, classes),
    head: 'fc',
    stages: [['conv1', 'bn1'], ['layer1'], ['layer2'], ['layer3'], ['layer4'], ['fc']],
    preprocessing: torchvisionPreprocessing(256),
    weights,
    namings: resnetNamings,
  }
}

const v1 = (file: string, top1: number) => ({ 'imagenet1k-v1': published(file, top1, 256) })
const v2 = (file: string, top1: number) => ({ 'imagenet1k-v2': published(file, top1, 232) })

/** The small trunk that ships with the package: for trying things out, not for photographs. */
const pictograms: PretrainedWeights = {
  url: new URL('../../assets/demo-trunk.safetensors', import.meta.url).href,
  origin: 'regraft’s own, trained on thirty classes of drawn pictograms (src/examples/trainTrunk.ts)',
  licence: 'MIT',
  preprocessing: torchvisionPreprocessing(73, 64),
}

/** The family; accuracies are torchvision's. `resnet18-narrow` has 12 channels where ResNet-18 has 64, for small images and quick trials. */
export const resnets: readonly Network[] = [
  resnet('resnet18', basicBlock, [2, 2, 2, 2], v1('resnet18-f37072fd.pth', 0.69758)),
  resnet('resnet34', basicBlock, [3, 4, 6, 3], v1('resnet34-b627a593.pth', 0.73314)),
  resnet('resnet50', bottleneck, [3, 4, 6, 3], {
    ...v1('resnet50-0676ba61.pth', 0.7613),
    ...v2('resnet50-11ad3fa6.pth', 0.80858),
  }),
  resnet('resnet101', bottleneck, [3, 4, 23, 3], {
    ...v1('resnet101-63fe2227.pth', 0.77374),
    ...v2('resnet101-cd907fc2.pth', 0.81886),
  }),
  resnet('resnet152', bottleneck, [3, 8, 36, 3], {
    ...v1('resnet152-394f9c45.pth', 0.78312),
    ...v2('resnet152-f82ba261.pth', 0.82284),
  }),
  resnet('wide_resnet50_2', wide, [3, 4, 6, 3], {
    ...v1('wide_resnet50_2-95faca4d.pth', 0.78468),
    ...v2('wide_resnet50_2-9ba9bcbe.pth', 0.81602),
  }),
  resnet('wide_resnet101_2', wide, [3, 4, 23, 3], {
    ...v1('wide_resnet101_2-32ee1156.pth', 0.78848),
    ...v2('wide_resnet101_2-d733dc28.pth', 0.8251),
  }),
  resnet('resnext50_32x4d', of32x4, [3, 4, 6, 3], {
    ...v1('resnext50_32x4d-7cdf4587.pth', 0.77618),
    ...v2('resnext50_32x4d-1a0047aa.pth', 0.81198),
  }),
  resnet('resnext101_32x8d', of32x8, [3, 4, 23, 3], {
    ...v1('resnext101_32x8d-8ba56ff5.pth', 0.79312),
    ...v2('resnext101_32x8d-110c445d.pth', 0.82834),
  }),
  resnet('resnext101_64x4d', of64x4, [3, 4, 23, 3], {
    'imagenet1k-v1': published('resnext101_64x4d-173b62eb.pth', 0.83246, 232),
  }),
  resnet('resnet18-narrow', basicBlock, [2, 2, 2, 2], { pictograms }, 12),
]
