/** Networks that are not known here, told by their parameters' names and shapes, so that a file of theirs is called what it is. */
import type { Shape } from '../graph/index.js'
import { networkGraph } from './network.js'
import { resnets } from './resnet.js'
import { stateShapes } from './stateShapes.js'

/** A network that people bring and that is not known here. */
export interface Lookalike {
  /** 'ResNet-50-D' */
  readonly name: string
  /** What sets it apart, as it follows 'which': 'has a stem of three 3 x 3 convolutions'. */
  readonly which: string
}

/** Each of `signs` is found in some entry, written '.name 64x3x7x7', so that a point stands before every part. # is a ResNet's depth. */
type Telltale = readonly [name: string, which: string, ...signs: readonly RegExp[]]

const attends = 'is made of attention, not of convolutions'
const mixes = 'mixes convolutions with attention'
const squeezes = 'weighs its channels by squeeze-and-excitation'
const branches = 'has several branches in each block'
const squeeze = /\.(se\.conv_reduce|block\.\d\.fc1|_se_reduce|squeeze_excite\.reduce)\./

/** Of several that fit the first counts: what contains another's parts stands before it. */
const telltales: readonly Telltale[] = [
  ['a text model', 'does not take images', /\.(word_embeddings|wte|embed_tokens)\.weight /],
  ['CLIP', attends, /\.(text_model|transformer)\./, /\.(vision_model|visual)\./],
  ['a detector', 'finds objects, and does not classify images', /\.(roi_heads|rpn)\./],
  ['MaxViT or CoAtNet', mixes, /\.(rel_pos|attn_block|shortcut\.expand|window_attention)\./],
  ['Swin Transformer', attends, /\.relative_position_bias_table |\.cpb_mlp\./, /\.(layers\.0|features\.1)\./],
  ['Vision Transformer', attends, /\.(cls_token|class_token) /],
  ['SegFormer', attends, /\.segformer\./],
  ['LeViT, FastViT or MobileViT', mixes, /\.(qkv|attention_biases|query|token_mixer)\b/],
  ['MLP-Mixer or ResMLP', 'is made of fully connected layers', /\.(mlp_tokens|linear_tokens)\./],
  ['ConvNeXt', 'has layer norms and depthwise 7 x 7 convolutions', /\.(conv_dw|dwconv|block\.0)\.weight \d+x1x7x7/],
  ['ResNeSt-#', 'splits its attention over groups', /\.layer1\.0\.conv2\.fc1\.weight /],
  ['Res2Net-#', 'splits its 3 x 3 convolutions into scales', /\.layer1\.0\.convs\.0\.weight /],
  ['SK-ResNet-#', 'chooses its kernels by attention', /\.layer1\.0\.conv\d\.paths\.0\./],
  ['SE-ResNet-#-D', squeezes, /\.layer1\.0\.se\.fc1\.weight /, /\.conv1\.3\.weight /],
  ['TResNet', squeezes, /\.conv1\.conv\.weight 64x48x3x3/],
  ['SE-ResNet-#', squeezes, /\.layer1\.0\.(se|se_module)\.fc1\.weight /],
  ['ECA-ResNet-#', 'weighs its channels by efficient attention', /\.layer1\.0\.se\.conv\.weight /],
  [
    'ResNet-#-D',
    'has a stem of three 3 x 3 convolutions, and averages in its shortcuts before it strides',
    /\.conv1\.3\.weight /,
    /\.layer2\.0\.downsample\.2\.weight /,
  ],
  ['ResNet-#-C', 'has a stem of three 3 x 3 convolutions', /\.conv1\.3\.weight /, /\.layer1\.0\.conv2\.weight /],
  [
    'ResNet-v2',
    'has its norms before its convolutions',
    /\.(stages|layers)\.0\.norm1\.|\.blocks\.0\.norm1\.weight \d+$/,
  ],
  ['RegNet', 'has widths and groups of its own', /\.(trunk_output\.block1|s1\.b1\.conv1|regnet\.encoder)\./],
  ['NFNet', 'has no batch norms', /\.conv1\.gain /],
  ['CSPNet', 'sends part of its channels past each stage', /\.conv_transition\./],
  ['HRNet', 'keeps several resolutions side by side', /\.stage2\.0\.branches\./],
  ['DLA', 'joins its layers as trees', /\.level2\.tree1\./],
  ['RepVGG or MobileOne', 'trains several branches that become one convolution', /\.conv_kxk\./],
  ['GhostNet', 'makes half of its channels from others', /\.ghost1\.primary_conv\./],
  ['ReXNet', 'has widths of its own, and squeeze-and-excitation', /\.features\.1\.conv_exp\.conv\./],
  ['DenseNet', 'hands every layer’s channels to all that follow', /\.denseblock1\.denselayer1\./],
  ['Dual Path Network', 'joins residuals and dense connections', /\.features\.conv2_1\./],
  ['SqueezeNet', 'has no batch norms', /\.features\.\d\.squeeze\./],
  ['GoogLeNet', branches, /\.inception3a\./],
  ['Inception', branches, /\.(Mixed_5b|features\.\d+\.branch[0-3])\./],
  ['Xception', 'is made of separable convolutions', /\.block1\.rep\.\d\./],
  ['ShuffleNetV2', 'shuffles its channels', /\.stage2\.0\.branch1\.0\.weight /],
  ['AlexNet', 'has no batch norms', /\.features\.0\.weight 64x3x11x11/],
  [
    'VGG',
    'is a plain chain of convolutions',
    /\.features\.0\.weight 64x3x3x3/,
    /\.(classifier\.0|pre_logits\.fc1)\.weight 4096x/,
  ],
  ['MobileNetV4', 'has blocks with two depthwise convolutions', /\.dw_(start|mid)\./],
  ['MobileNetV3', `${squeezes}, and has hard swish`, /\.(conv_head\.bias|classifier\.3\.weight) /, squeeze],
  [
    'EfficientNetV2',
    'begins with dense convolutions',
    /\.(conv_exp|features\.2\.0\.block\.0\.0)\.weight \d+x\d+x3x3/,
    squeeze,
  ],
  ['EfficientNet-B0 or B1', squeezes, /\.(conv_head|features\.8\.0|_conv_head|top_conv)\.weight 1280x/, squeeze],
  ['EfficientNet (B2 or larger)', squeezes, /\.(conv_head|features\.8\.0|_conv_head|top_conv)\.weight /, squeeze],
  [
    'MnasNet',
    'has other kernels than MobileNetV2',
    /\.layers\.8\.0\.layers\.0\.weight |\.blocks\.2\.0\.conv_dw\.weight 72x1x5x5/,
  ],
  ['MobileNetV1', 'has no residuals', /\.mobilenet_v1\.layer\.|\.blocks\.1\.0\.conv_pw\.weight 128x64x1x1/],
  [
    'MobileNetV2 of another width',
    'has other channels',
    /\.(blocks\.1\.0\.conv_pwl|features\.2\.conv\.2)\.weight (?!24x96x)/,
    /\.(blocks\.2\.0\.conv_dw\.weight \d+x1x3x3|features\.2\.conv\.1\.0\.weight)/,
  ],
  [
    'a ResNet for small images',
    'has a first convolution of 3 x 3',
    /\.conv1\.weight \d+x3x3x3/,
    /\.layer1\.0\.conv2\.weight /,
  ],
]

/** What a file of weights looks like, where that is known and none of the networks here. */
export function lookalike(entries: ReadonlyMap<string, Shape>): Lookalike | undefined {
  const written = [...entries].map(([name, shape]) => `.${name} ${shape.join('x')}`)
  const has = (sign: RegExp) => written.some(text => sign.test(text))
  const found = telltales.find(([, , ...signs]) => signs.every(has))
  const resnet = resnetOf(entries)
  if (found) return { name: found[0].replace('-#', resnet ? `-${resnet.depth}` : ''), which: found[1] }
  if (!resnet || !has(/\.layer1\.0\.conv2\.weight /)) return undefined
  const channels = [...entries].find(([name]) => /(^|\.)conv1\.weight$/.test(name))?.[1][1]
  if (channels !== undefined && channels !== 3)
    return {
      name: `a ResNet-${resnet.depth}`,
      which: `takes pictures of ${channels} ${channels === 1 ? 'channel' : 'channels'}, not of three`,
    }
  if (!has(/\.layer1\.0\.bn1\.running_var /))
    return { name: `a ResNet-${resnet.depth}`, which: 'has norms without running statistics, as group norms are' }
  if (isKnown(resnet)) return undefined
  const grouped = resnet.perGroup < resnet.width
  return {
    name: `a ${grouped ? 'ResNeXt' : 'ResNet'}-${resnet.depth}`,
    which: `has stages of ${resnet.blocks.join(', ')} blocks, the first of ${resnet.width} channels${grouped ? ` in groups of ${resnet.perGroup}` : ''}`,
  }
}

/** Whether a network here is as deep and as wide: what is amiss is something else. */
const isKnown = (resnet: ReturnType<typeof resnetOf>): boolean =>
  resnets.some(network => {
    const shapes = stateShapes(networkGraph(network, { classes: 1, batch: 1, size: 32 }))
    return JSON.stringify(resnetOf(shapes)) === JSON.stringify(resnet)
  })

/** Depth, blocks and the first stage's width of what has the names of a ResNet. */
function resnetOf(entries: ReadonlyMap<string, Shape>) {
  const blocks: number[] = []
  let layers = 2
  let [width, perGroup] = [0, 0]
  for (const [name, [outputs = 0, inputs = 0]] of entries) {
    const found = /(?:^|\.)layer([1-4])\.(\d{1,3})\.conv(\d)\.(?:\w+\.)*weight$/.exec(name)
    if (!found) continue
    const [stage, block, layer] = found.slice(1).map(Number) as [number, number, number]
    blocks[stage - 1] = Math.max(blocks[stage - 1] ?? 0, block + 1)
    layers = Math.max(layers, layer)
    if (stage === 1 && block === 0 && layer === 2) [width, perGroup] = [outputs, inputs]
  }
  if (blocks.length === 0) return undefined
  const depth = 2 + layers * blocks.reduce((sum, count) => sum + count, 0)
  return { depth, blocks, width, perGroup }
}
