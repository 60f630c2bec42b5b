/** MobileNetV2 (Sandler et al. 2018) in torchvision's form, and in TensorFlow's, which pads and normalises otherwise. */
import { batchNorm2d, conv2d, dropout, globalAveragePool, linear, relu6 } from './layers.js'
import { composite, type Module, sequential } from './module.js'
import { childrenOfFeatures, timmMobilenet, transformersMobilenet } from './namings.js'
import { type Network, torchvisionPreprocessing } from './network.js'

/** Expansion, channels, repeats and first stride of each group of blocks: table 2 of the paper. */
const groups = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const

/** What the two forms differ in. */
interface Form {
  /** TensorFlow's SAME, or the same on all sides. */
  readonly same: boolean
  readonly eps: number
  /** The batch's share in the running statistics. */
  readonly momentum: number
}

const torchForm: Form = { same: false, eps: 1e-5, momentum: 0.1 }
/** TensorFlow keeps 0.997 of its running statistics at each step, and adds more to a variance. */
const tensorflowForm: Form = { same: true, eps: 1e-3, momentum: 0.003 }

/** The layers of a network in one form. */
function layersOf({ same, eps, momentum }: Form) {
  const norm = (channels: number) => batchNorm2d(channels, { eps, momentum })

  const convNormActivation = (inputs: number, outputs: number, kernel: number, stride = 1, groups = 1): Module =>
    sequential(
      [
        conv2d(inputs, outputs, { kernel, stride, padding: same ? 'same' : (kernel - 1) / 2, groups }),
        norm(outputs),
        relu6(),
      ],
      'Conv2dNormActivation',
    )

  const invertedResidual = (inputs: number, outputs: number, stride: number, expansion: number): Module => {
    const hidden = inputs * expansion
    const conv = sequential([
      ...(expansion === 1 ? [] : [convNormActivation(inputs, hidden, 1)]),
      convNormActivation(hidden, hidden, 3, stride, hidden),
      conv2d(hidden, outputs, { kernel: 1 }),
      norm(outputs),
    ])
    return composite('InvertedResidual', { conv }, (call, x, { builder, path }) => {
      const y = call('conv', x)
      return stride === 1 && inputs === outputs ? builder.one('add', `${path}.add`, [x, y], {}) : y
    })
  }

  return { convNormActivation, invertedResidual }
}

function mobilenetModule(classes: number, probability: number, form: Form): Module {
  const { convNormActivation, invertedResidual } = layersOf(form)
  const features: Module[] = [convNormActivation(3, 32, 3, 2)]
  let channels = 32
  for (const [expansion, outputs, repeats, firstStride] of groups)
    for (let i = 0; i < repeats; i++) {
      features.push(invertedResidual(channels, outputs, i === 0 ? firstStride : 1, expansion))
      channels = outputs
    }
  features.push(convNormActivation(channels, 1280, 1))
  const children = {
    features: sequential(features),
    classifier: sequential([dropout(probability), linear(1280, classes)]),
  }
  // torchvision pools with a function, so no module for it is printed.
  return composite('MobileNetV2', children, (call, x, place) =>
    call('classifier', globalAveragePool().forward({ ...place, path: 'pool' }, call('features', x))),
  )
}

const published = (file: string, sha256: string, top1: number, resize: number) => ({
  url: `https://download.pytorch.org/models/${file}`,
  sha256,
  origin: `torchvision, trained on ImageNet-1k (${resize === 256 ? 'V1' : 'V2'} recipe)`,
  licence: 'BSD-3-Clause',
  top1,
  preprocessing: torchvisionPreprocessing(resize),
})

const stages: Network['stages'] = [...Array.from({ length: 19 }, (_, i): [string] => [`features.${i}`]), ['classifier']]

export const mobilenets: readonly Network[] = [
  {
    name: 'mobilenet_v2',
    module: (classes, probability = 0.2) => mobilenetModule(classes, probability, torchForm),
    head: 'classifier.1',
    stages,
    preprocessing: torchvisionPreprocessing(256),
    weights: {
      'imagenet1k-v1': published('mobilenet_v2-b0353104.pth', 'b0353104', 0.71878, 256),
      'imagenet1k-v2': published('mobilenet_v2-7ebf99e0.pth', '7ebf99e0', 0.72154, 232),
    },
    namings: [[], timmMobilenet(groups.map(([, , repeats]) => repeats)), childrenOfFeatures],
  },
  {
    name: 'tf_mobilenet_v2',
    module: (classes, probability = 0.2) => mobilenetModule(classes, probability, tensorflowForm),
    head: 'classifier.1',
    stages,
    // What Google published with its weights: colours from -1 to 1.
    preprocessing: { ...torchvisionPreprocessing(256), mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    weights: {},
    namings: [transformersMobilenet, []],
    leadingOutputs: 1,
  },
]
