/**
 * EfficientNet-Lite 0 to 4 (Tan and Le 2019; TensorFlow's lite variant: no squeeze-excitation, ReLU6), with timm's parameter
 * names; each in TensorFlow's form, and in PyTorch's, which pads alike on all sides.
 */

import type { Preprocessing } from '../base/preprocessing.js'
import { batchNorm2d, conv2d, dropout, globalAveragePool, linear, relu6 } from './layers.js'
import { composite, type Module, sequential } from './module.js'
import { type Network, torchvisionPreprocessing } from './network.js'

/** Repeats, kernel, first stride, expansion and channels of each stage of Lite0. */
const stages = [
  [1, 3, 1, 1, 16],
  [2, 3, 2, 6, 24],
  [2, 5, 2, 6, 40],
  [3, 3, 2, 6, 80],
  [3, 5, 1, 6, 112],
  [4, 5, 2, 6, 192],
  [1, 3, 1, 6, 320],
] as const

/** The widths of stem and head stay the same in all variants. */
const stemWidth = 32
const headWidth = 1280

/** Scaled width: the nearest multiple of 8, but never below 90 % of the exact value. */
function scaledWidth(channels: number, factor: number): number {
  const exact = channels * factor
  const rounded = Math.max(8, Math.floor((exact + 4) / 8) * 8)
  return rounded < 0.9 * exact ? rounded + 8 : rounded
}

/** What the two forms differ in. */
interface Form {
  /** TensorFlow's SAME, or the same on all sides. */
  readonly same: boolean
  readonly eps: number
  /** The batch's share in the running statistics. */
  readonly momentum: number
}

const tensorflowForm: Form = { same: true, eps: 1e-3, momentum: 0.01 }
/** timm's `efficientnet_lite0` and its like, beside its `tf_efficientnet_lite0`. */
const torchForm: Form = { same: false, eps: 1e-5, momentum: 0.1 }

const norm = (channels: number, { eps, momentum }: Form) => batchNorm2d(channels, { eps, momentum })
const padding = (kernel: number, { same }: Form) => (same ? ('same' as const) : (kernel - 1) / 2)
const pointwise = (inputs: number, outputs: number) => conv2d(inputs, outputs, { kernel: 1 })

function block(inputs: number, outputs: number, kernel: number, stride: number, expansion: number, form: Form): Module {
  const hidden = inputs * expansion
  const depthwise = conv2d(hidden, hidden, { kernel, stride, groups: hidden, padding: padding(kernel, form) })
  const residual = (x: string, y: string, add: (x: string, y: string) => string) =>
    stride === 1 && inputs === outputs ? add(x, y) : y
  if (expansion === 1) {
    const children = {
      conv_dw: depthwise,
      bn1: norm(hidden, form),
      act1: relu6(),
      conv_pw: pointwise(hidden, outputs),
      bn2: norm(outputs, form),
    }
    return composite('DepthwiseSeparableConv', children, (call, x, { builder, path }) => {
      const y = call('bn2', call('conv_pw', call('act1', call('bn1', call('conv_dw', x)))))
      return residual(x, y, (a, b) => builder.one('add', `${path}.add`, [b, a], {}))
    })
  }
  const children = {
    conv_pw: pointwise(inputs, hidden),
    bn1: norm(hidden, form),
    act1: relu6(),
    conv_dw: depthwise,
    bn2: norm(hidden, form),
    act2: relu6(),
    conv_pwl: pointwise(hidden, outputs),
    bn3: norm(outputs, form),
  }
  return composite('InvertedResidual', children, (call, x, { builder, path }) => {
    const expanded = call('act1', call('bn1', call('conv_pw', x)))
    const filtered = call('act2', call('bn2', call('conv_dw', expanded)))
    return residual(x, call('bn3', call('conv_pwl', filtered)), (a, b) => builder.one('add', `${path}.add`, [b, a], {}))
  })
}

/** First and last stage keep their repeats. */
const scaledRepeats = (repeats: number, stage: number, depth: number) =>
  stage === 0 || stage === stages.length - 1 ? repeats : Math.ceil(repeats * depth)

function liteModule(width: number, depth: number, classes: number, probability: number, form: Form): Module {
  let channels = stemWidth
  const blocks = stages.map(([repeats, kernel, firstStride, expansion, outputs], stage) => {
    const scaled = scaledWidth(outputs, width)
    const parts: Module[] = []
    for (let i = 0; i < scaledRepeats(repeats, stage, depth); i++) {
      parts.push(block(channels, scaled, kernel, i === 0 ? firstStride : 1, expansion, form))
      channels = scaled
    }
    return sequential(parts)
  })
  return sequential(
    {
      conv_stem: conv2d(3, stemWidth, { kernel: 3, stride: 2, padding: padding(3, form) }),
      bn1: norm(stemWidth, form),
      act1: relu6(),
      blocks: sequential(blocks),
      conv_head: pointwise(channels, headWidth),
      bn2: norm(headWidth, form),
      act2: relu6(),
      global_pool: globalAveragePool(),
      dropout: dropout(probability),
      classifier: linear(headWidth, classes),
    },
    'EfficientNetLite',
  )
}

/** TensorFlow's input range for these networks: (pixel - 127) / 128. */
const preprocessing = (size: number, resize: number): Preprocessing => ({
  size,
  resize,
  interpolation: 'bicubic',
  crop: 'center',
  mean: [127 / 255, 127 / 255, 127 / 255],
  std: [128 / 255, 128 / 255, 128 / 255],
})

/** timm's conversion of TensorFlow's weights on the Hugging Face Hub; accuracies as timm lists them. */
const published = (variant: number, top1: number): Network['weights'] => ({
  timm: {
    url: `hf:timm/tf_efficientnet_lite${variant}.in1k`,
    origin: 'TensorFlow TPU models, trained on ImageNet-1k, converted by timm',
    licence: 'Apache-2.0',
    top1,
  },
})

/** Both forms of a variant. */
function lite(
  variant: number,
  [width, depth]: readonly [number, number],
  input: Preprocessing,
  probability: number,
  top1: number,
): readonly [Network, Network] {
  const name = `efficientnet_lite${variant}`
  const inForm = (form: Form) => ({
    module: (classes: number, dropoutProbability = probability) =>
      liteModule(width, depth, classes, dropoutProbability, form),
    head: 'classifier',
    stages: [
      ['conv_stem', 'bn1'],
      ...stages.map((_, i): [string] => [`blocks.${i}`]),
      ['conv_head', 'bn2'],
      ['classifier'],
    ] as Network['stages'],
    translate: (other: string) => fromLegacyName(other, depth),
  })
  const imagenet = torchvisionPreprocessing(input.resize, input.size)
  return [
    {
      name,
      ...inForm(tensorflowForm),
      preprocessing: input,
      weights: published(variant, top1),
      twin: `${name}_torch`,
    },
    {
      name: `${name}_torch`,
      ...inForm(torchForm),
      preprocessing: { ...imagenet, interpolation: 'bicubic' },
      weights: {},
      twin: name,
    },
  ]
}

const variants = [
  lite(0, [1.0, 1.0], preprocessing(224, 256), 0.2, 0.748),
  lite(1, [1.0, 1.1], preprocessing(240, 272), 0.2, 0.767),
  lite(2, [1.1, 1.2], preprocessing(260, 292), 0.3, 0.775),
  lite(3, [1.2, 1.4], preprocessing(280, 309), 0.3, 0.798),
  lite(4, [1.4, 1.8], preprocessing(300, 326), 0.3, 0.815),
]

/** TensorFlow's forms first: a file that fits both is taken for theirs, with a word. */
export const efficientnetLites: readonly Network[] = [
  ...variants.map(([tensorflow]) => tensorflow),
  ...variants.map(([, torch]) => torch),
]

/** The timm name for one of the older naming (`_blocks.3._expand_conv.weight`), or undefined where it is none of those. */
function fromLegacyName(name: string, depth: number): string | undefined {
  const plain: Record<string, string> = {
    _conv_stem: 'conv_stem',
    _bn0: 'bn1',
    _conv_head: 'conv_head',
    _bn1: 'bn2',
    _fc: 'classifier',
  }
  const [first = '', ...rest] = name.split('.')
  if (first in plain) return [plain[first], ...rest].join('.')
  const [index, part = '', ...tensor] = rest
  if (first !== '_blocks') return undefined
  let remaining = Number(index)
  for (const [stage, [repeats, , , expansion]] of stages.entries()) {
    const count = scaledRepeats(repeats, stage, depth)
    if (remaining < count) {
      const parts: Record<string, string> =
        expansion === 1
          ? { _depthwise_conv: 'conv_dw', _bn1: 'bn1', _project_conv: 'conv_pw', _bn2: 'bn2' }
          : {
              _expand_conv: 'conv_pw',
              _bn0: 'bn1',
              _depthwise_conv: 'conv_dw',
              _bn1: 'bn2',
              _project_conv: 'conv_pwl',
              _bn2: 'bn3',
            }
      return part in parts ? ['blocks', stage, remaining, parts[part], ...tensor].join('.') : undefined
    }
    remaining -= count
  }
  return undefined
}
