/** The leaves of networks: convolution, norm, activation, pooling, linear, dropout, named and printed as in torch.nn. */
import type { Padding } from '../graph/index.js'
import type { Module } from './module.js'

/** The paths of a module's own tensors in the graph. */
const tensorsOf = (path: string, ...names: readonly string[]) => names.map(name => `${path}.${name}`)

export interface ConvolutionOptions {
  readonly kernel: number
  readonly stride?: number
  readonly groups?: number
  /** 'same' is TensorFlow's SAME: output = ceil(input / stride), the odd row and column at the bottom and right. */
  readonly padding?: number | 'same'
}

/** TensorFlow's SAME padding of one axis: [before, after]. */
function samePadding(size: number, kernel: number, stride: number): [number, number] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0)
  return [Math.floor(total / 2), total - Math.floor(total / 2)]
}

/** A convolution without bias, as all networks here have it before a norm. */
export function conv2d(inputs: number, outputs: number, options: ConvolutionOptions): Module {
  const { kernel, stride = 1, groups = 1, padding = 0 } = options
  const pair = (value: number) => `(${value}, ${value})`
  const extra = [
    `${inputs}, ${outputs}, kernel_size=${pair(kernel)}, stride=${pair(stride)}`,
    // timm prints a padding that is the same on both sides as a number, and none where it depends on the input.
    padding === 'same'
      ? stride === 1 && kernel > 1
        ? `padding=${pair((kernel - 1) / 2)}`
        : ''
      : padding
        ? `padding=${pair(padding)}`
        : '',
    groups === 1 ? '' : `groups=${groups}`,
    'bias=False',
  ]
  return {
    type: padding === 'same' && stride > 1 ? 'Conv2dSame' : 'Conv2d',
    extra: extra.filter(Boolean).join(', '),
    tensors: { weight: { role: 'parameter', shape: [outputs, inputs / groups, kernel, kernel] } },
    forward: ({ builder, path }, x) => {
      const [, , height, width] = builder.shape(x) as [number, number, number, number]
      const around = (size: number) => (padding === 'same' ? samePadding(size, kernel, stride) : [padding, padding])
      const [top, bottom] = around(height) as [number, number]
      const [left, right] = around(width) as [number, number]
      const sides: Padding = [top, left, bottom, right]
      return builder.one('conv2d', path, [x, ...tensorsOf(path, 'weight')], {
        stride: [stride, stride],
        padding: sides,
        groups,
        activation: 'none',
      })
    },
  }
}

/** Batch norm; `momentum` is the batch's share in the running statistics, as in PyTorch. */
export function batchNorm2d(channels: number, { eps = 1e-5, momentum = 0.1, type = 'BatchNorm2d' } = {}): Module {
  const vector = [channels]
  return {
    type,
    extra: `${channels}, eps=${pythonNumber(eps)}, momentum=${momentum}, affine=True, track_running_stats=True`,
    tensors: {
      weight: { role: 'parameter', shape: vector },
      bias: { role: 'parameter', shape: vector },
      running_mean: { role: 'statistic', shape: vector },
      running_var: { role: 'statistic', shape: vector },
    },
    forward: ({ builder, path }, x) =>
      builder.one('batchNorm', path, [x, ...tensorsOf(path, 'weight', 'bias', 'running_mean', 'running_var')], {
        eps,
        momentum,
        training: false,
        activation: 'none',
      }),
  }
}

/** Python turns to exponents below 1e-4, with two digits: 1e-05. */
const pythonNumber = (value: number) =>
  value < 1e-4 ? value.toExponential().replace(/e-(\d)$/, 'e-0$1') : String(value)

export const relu = (): Module => ({
  type: 'ReLU',
  extra: 'inplace=True',
  forward: ({ builder, path }, x) => builder.one('relu', path, [x], {}),
})

export const relu6 = (): Module => ({
  type: 'ReLU6',
  extra: 'inplace=True',
  forward: ({ builder, path }, x) => builder.one('relu6', path, [x], {}),
})

export const maxPool2d = (kernel: number, stride: number, padding: number): Module => ({
  type: 'MaxPool2d',
  extra: `kernel_size=${kernel}, stride=${stride}, padding=${padding}, dilation=1, ceil_mode=False`,
  forward: ({ builder, path }, x) =>
    builder.one('maxPool', path, [x], {
      kernel: [kernel, kernel],
      stride: [stride, stride],
      padding: [padding, padding, padding, padding],
    }),
})

/** The average over height and width, as [batch, channels]: PyTorch's pooling to 1x1 with the flattening after it. */
export const globalAveragePool = (): Module => ({
  type: 'AdaptiveAvgPool2d',
  extra: 'output_size=(1, 1)',
  forward: ({ builder, path }, x) => builder.one('globalAveragePool', path, [x], {}),
})

export const linear = (features: number, outputs: number): Module => ({
  type: 'Linear',
  extra: `in_features=${features}, out_features=${outputs}, bias=True`,
  tensors: {
    weight: { role: 'parameter', shape: [outputs, features] },
    bias: { role: 'parameter', shape: [outputs] },
  },
  forward: ({ builder, path }, x) => builder.one('linear', path, [x, ...tensorsOf(path, 'weight', 'bias')], {}),
})

/** Dropout; its mask is the graph's input `<path>.mask`, which the training loop fills and inference leaves out. */
export const dropout = (probability: number): Module => ({
  type: 'Dropout',
  extra: `p=${probability}, inplace=False`,
  forward: ({ builder, path }, x) => {
    if (probability === 0) return x
    return builder.one('dropout', path, [x, builder.declare(`${path}.mask`, 'input', builder.shape(x))], {
      probability,
    })
  },
})
