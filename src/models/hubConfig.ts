/** What the Hugging Face Hub's files say of a model beside its weights: timm's and transformers' configurations. */
import { z } from 'zod'
import type { Preprocessing } from '../base/preprocessing.js'

/** What is no such thing says nothing, and takes nothing else with it. */
const said = <T>(schema: z.ZodType<T>) => schema.optional().catch(undefined)

const pixels = z.int().min(1).max(4096)
const share = z.number().min(0.1).max(1)
const number = z.number()
const mean = z.union([z.tuple([number, number, number]), z.array(number).length(1)])
const positive = number.positive()
const deviation = z.union([z.tuple([positive, positive, positive]), z.array(positive).length(1)])

/** timm's `config.json`. */
const timmConfig = z.object({
  architecture: z.string(),
  pretrained_cfg: z.object({
    input_size: said(z.tuple([z.literal(3), pixels, pixels])),
    mean: said(mean),
    std: said(deviation),
    interpolation: said(z.string()),
    crop_pct: said(share),
    crop_mode: said(z.string()),
  }),
})

/** transformers' `config.json` of a ResNet or MobileNetV2, as far as it says how to compute. */
const transformersConfig = z.object({
  model_type: z.string(),
  depths: z.array(z.int()).optional(),
  hidden_sizes: z.array(z.int()).optional(),
  layer_type: z.string().optional(),
  hidden_act: z.string().optional(),
  downsample_in_bottleneck: z.boolean().optional(),
  downsample_in_first_stage: z.boolean().optional(),
  tf_padding: z.boolean().optional(),
  depth_multiplier: z.number().optional(),
  layer_norm_eps: z.number().optional(),
})

/** transformers' `preprocessor_config.json`. */
const preprocessorConfig = z.object({
  image_mean: said(mean),
  image_std: said(deviation),
  resample: said(z.int()),
  crop_pct: said(share),
  size: said(z.union([pixels, z.object({ shortest_edge: pixels }), z.object({ height: pixels, width: pixels })])),
  crop_size: said(z.union([pixels, z.object({ height: pixels, width: pixels })])),
})

/** What of a network is said there; what is left out is the network's own. */
export interface HubModel {
  /** By Regraft's name; a network that is not known here is named as it is there. */
  readonly network?: string
  readonly preprocessing: Partial<Preprocessing>
}

/** timm's names for what are two forms of one network here. */
const ownName = (architecture: string): string => {
  const lite = /^(tf_)?efficientnet_lite([0-4])$/.exec(architecture)
  if (lite) return `efficientnet_lite${lite[2]}${lite[1] ? '' : '_torch'}`
  return architecture === 'mobilenetv2_100' ? 'mobilenet_v2' : architecture
}

const interpolations = new Map<string | number | undefined, Preprocessing['interpolation']>([
  ['bilinear', 'bilinear'],
  ['bicubic', 'bicubic'],
  [2, 'bilinear'],
  [3, 'bicubic'],
])

const only = (given: { [key in keyof Preprocessing]?: Preprocessing[key] | undefined }): Partial<Preprocessing> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))

/** One number a channel, where a file has one for all. */
const each = (given: readonly number[] | undefined): [number, number, number] | undefined =>
  given && (given.length === 3 ? [given[0]!, given[1]!, given[2]!] : [given[0]!, given[0]!, given[0]!])

/**
 * Reads what the Hub has beside a model's weights; what is of no kind that is known says nothing.
 * @throws Error in words where a transformers' model computes otherwise than any network here
 */
export function readHubModel(config: unknown, preprocessor: unknown): HubModel {
  const timm = timmConfig.safeParse(config)
  if (timm.success) {
    const { architecture, pretrained_cfg: given } = timm.data
    const size = given.input_size?.[1]
    return {
      network: ownName(architecture),
      preprocessing: only({
        size,
        resize: size === undefined ? undefined : Math.floor(size / (given.crop_pct ?? 0.875)),
        mean: each(given.mean),
        std: each(given.std),
        interpolation: interpolations.get(given.interpolation),
        crop: given.crop_mode === 'squash' ? 'squash' : undefined,
      }),
    }
  }
  const transformers = transformersConfig.safeParse(config)
  if (transformers.success) refuseOther(transformers.data)
  return { preprocessing: fromPreprocessor(preprocessor) }
}

/** @throws Error where a setting is another than what the networks here compute */
function refuseOther(config: z.output<typeof transformersConfig>): void {
  const refuse = (setting: string, why: string) => {
    throw new Error(`its config.json says ${setting}, ${why}`)
  }
  if (config.model_type === 'resnet') {
    if (config.downsample_in_bottleneck)
      refuse('downsample_in_bottleneck: true', 'the first kind of ResNet, which strides in its first 1 x 1 convolution')
    if (config.downsample_in_first_stage) refuse('downsample_in_first_stage: true', 'which no network here does')
    if (config.hidden_act !== undefined && config.hidden_act !== 'relu')
      refuse(`hidden_act: ${config.hidden_act}`, 'and the ResNets here have relu')
  }
  if (config.model_type === 'mobilenet_v2') {
    if (config.tf_padding === false)
      refuse('tf_padding: false', "and transformers' MobileNetV2 is read with TensorFlow's")
    if (config.layer_norm_eps !== undefined && config.layer_norm_eps !== 1e-3)
      refuse(`layer_norm_eps: ${config.layer_norm_eps}`, 'and its norms here have 0.001')
    if (config.hidden_act !== undefined && config.hidden_act !== 'relu6')
      refuse(`hidden_act: ${config.hidden_act}`, 'and the MobileNets here have relu6')
  }
}

function fromPreprocessor(preprocessor: unknown): Partial<Preprocessing> {
  const parsed = preprocessorConfig.safeParse(preprocessor)
  if (!parsed.success) return {}
  const { image_mean, image_std, resample, crop_pct, size: given, crop_size } = parsed.data
  const side = (value: typeof given | typeof crop_size) =>
    value === undefined || typeof value === 'number'
      ? value
      : 'shortest_edge' in value
        ? value.shortest_edge
        : value.height
  const [whole, crop] = [side(given), side(crop_size)]
  // Either the resized side and the crop of it, or the crop and the share of the resized side that it is
  const size = crop ?? whole
  // Without a crop, both sides are given, or 384 pixels and more (ConvNextImageProcessor, which ResNets have): squashed
  const squash = crop === undefined && ((typeof given === 'object' && 'height' in given) || (whole ?? 0) >= 384)
  const uncropped = squash ? whole : whole && Math.floor(whole / (crop_pct ?? 0.875))
  const resize = crop === undefined ? uncropped : whole
  return only({
    size,
    resize: size === undefined || resize === undefined ? undefined : Math.max(size, resize),
    mean: each(image_mean),
    std: each(image_std),
    interpolation: interpolations.get(resample),
    crop: squash ? 'squash' : undefined,
  })
}
