/** Names that other programs give the parameters of the networks here, as rules: a pattern, and the network's own name. */

/** The first pattern that matches says the name. Groups are handed on as text. */
export type Rule = readonly [RegExp, (...groups: string[]) => string]

/** All rules of one way of naming; a naming that says nothing about a name leaves it as it is. */
export type Naming = readonly Rule[]

/** The network's own name for one of that naming, or undefined where no rule says anything. */
export function translated(name: string, naming: Naming): string | undefined {
  for (const [pattern, own] of naming) {
    const found = pattern.exec(name)
    if (found) return own(...found.slice(1))
  }
  return undefined
}

const next = (index: string) => String(Number(index) + 1)
/** transformers' convolution and normalization as the pair of indices that torchvision gives them. */
const pair = (part: string, first: number) => String(part === 'convolution' ? first : first + 1)
/** The same as torchvision's ResNet numbers them: conv1 and bn1. */
const numbered = (part: string, index: string) => `${part === 'convolution' ? 'conv' : 'bn'}${next(index)}`

const transformersResnet: Naming = [
  [
    /^(?:resnet\.)?embedder\.embedder\.(convolution|normalization)\.(.+)$/,
    (part, rest) => `${numbered(part as string, '0')}.${rest}`,
  ],
  [
    /^(?:resnet\.)?encoder\.stages\.(\d)\.layers\.(\d+)\.shortcut\.(convolution|normalization)\.(.+)$/,
    (stage, block, part, rest) =>
      `layer${next(stage as string)}.${block}.downsample.${pair(part as string, 0)}.${rest}`,
  ],
  [
    /^(?:resnet\.)?encoder\.stages\.(\d)\.layers\.(\d+)\.layer\.(\d)\.(convolution|normalization)\.(.+)$/,
    (stage, block, index, part, rest) =>
      `layer${next(stage as string)}.${block}.${numbered(part as string, index as string)}.${rest}`,
  ],
  [/^classifier\.1\.(.+)$/, rest => `fc.${rest}`],
]

/** The children of a ResNet in a Sequential, as fastai's body and many a feature extractor have them. */
const childrenOfResnet: Naming = [
  [/^0\.(weight)$/, rest => `conv1.${rest}`],
  [/^1\.(\w+)$/, rest => `bn1.${rest}`],
  [/^([4-7])\.(\d+\..+)$/, (child, rest) => `layer${Number(child) - 3}.${rest}`],
]

/** torchvision's own ResNets have these names; timm's are the same. */
export const resnetNamings: readonly Naming[] = [[], transformersResnet, childrenOfResnet]

/** transformers' MobileNetV2, which is TensorFlow's. */
export const transformersMobilenet: Naming = [
  [
    /^(?:mobilenet_v2\.)?conv_stem\.first_conv\.(convolution|normalization)\.(.+)$/,
    (part, rest) => `features.0.${pair(part as string, 0)}.${rest}`,
  ],
  [
    /^(?:mobilenet_v2\.)?conv_stem\.conv_3x3\.(convolution|normalization)\.(.+)$/,
    (part, rest) => `features.1.conv.0.${pair(part as string, 0)}.${rest}`,
  ],
  [
    /^(?:mobilenet_v2\.)?conv_stem\.reduce_1x1\.(convolution|normalization)\.(.+)$/,
    (part, rest) => `features.1.conv.${pair(part as string, 1)}.${rest}`,
  ],
  [
    /^(?:mobilenet_v2\.)?layer\.(\d+)\.(expand_1x1|conv_3x3|reduce_1x1)\.(convolution|normalization)\.(.+)$/,
    (index, name, part, rest) => {
      const place = {
        expand_1x1: `0.${pair(part as string, 0)}`,
        conv_3x3: `1.${pair(part as string, 0)}`,
        reduce_1x1: pair(part as string, 2),
      }[name as 'expand_1x1' | 'conv_3x3' | 'reduce_1x1']
      return `features.${Number(index) + 2}.conv.${place}.${rest}`
    },
  ],
  [
    /^(?:mobilenet_v2\.)?conv_1x1\.(convolution|normalization)\.(.+)$/,
    (part, rest) => `features.18.${pair(part as string, 0)}.${rest}`,
  ],
  [/^classifier\.(weight|bias)$/, rest => `classifier.1.${rest}`],
]

/** Where timm's layers of a block stand in torchvision's: of the first block, and of the others. */
const timmBlocks: readonly Readonly<Record<string, string>>[] = [
  { conv_dw: '0.0', bn1: '0.1', conv_pw: '1', bn2: '2' },
  { conv_pw: '0.0', bn1: '0.1', conv_dw: '1.0', bn2: '1.1', conv_pwl: '2', bn3: '3' },
]

/** @param repeats blocks of each stage */
export const timmMobilenet = (repeats: readonly number[]): Naming => [
  [/^conv_stem\.(.+)$/, rest => `features.0.0.${rest}`],
  [/^bn1\.(.+)$/, rest => `features.0.1.${rest}`],
  [
    /^blocks\.(\d)\.(\d+)\.(\w+)\.(\w+)$/,
    (stage, block, part, tensor) => {
      const index = repeats.slice(0, Number(stage)).reduce((sum, count) => sum + count, 1) + Number(block)
      return `features.${index}.conv.${timmBlocks[stage === '0' ? 0 : 1]?.[part as string] ?? part}.${tensor}`
    },
  ],
  [/^conv_head\.(.+)$/, rest => `features.18.0.${rest}`],
  [/^bn2\.(.+)$/, rest => `features.18.1.${rest}`],
  [/^classifier\.(weight|bias)$/, rest => `classifier.1.${rest}`],
]

/** The children of `features`, as fastai's body has them. */
export const childrenOfFeatures: Naming = [[/^(\d+\..+)$/, rest => `features.${rest}`]]
