/** What can be set for a training run: one schema that gives types, defaults, checks and help text. */
import { z } from 'zod'
import { amountPattern } from '../base/bytes.js'
import { RegraftError } from '../base/errors.js'
import { plural } from '../base/plural.js'
import { didYouMean } from '../base/suggest.js'
import type { Precision } from '../engines/index.js'

const positive = z.number().positive()
const notNegative = z.number().min(0)
const count = z.number().int('expected a whole number').positive('expected a number above 0')
/** More are a slip of the finger, and the system may refuse to start them. */
const mostThreads = 512
const threadCount = count.max(mostThreads, `expected at most ${mostThreads}`)

/** The shares of training, validation and test, as '7:2:1'. */
const shares = z
  .string()
  .regex(/^\d+(\.\d+)?:\d+(\.\d+)?:\d+(\.\d+)?$/, "expected three numbers like '7:2:1'")
  .refine(text => Number(text.split(':')[0]) > 0, 'the training share must not be 0')

/** Each option with its default; `value` names the argument in the help text. */
export const trainingOptions = z.strictObject({
  network: z.string().optional().meta({
    value: 'NAME',
    description: 'network to fine-tune; inferred from the weights file where left out, else resnet50',
  }),
  weights: z.string().optional().meta({
    value: 'SOURCE',
    description:
      'imagenet1k-v1, imagenet1k-v2, timm, none (random), a file, a URL, or hf:owner/name; default: the network’s own first',
  }),
  match: z
    .enum(['name', 'order'])
    .default('name')
    .meta({ description: 'how entries of a weights file are matched to the network' }),
  weightsPrefix: z.string().optional().meta({
    value: 'PREFIX',
    description: "of several networks in one weights file, the one whose entries start so: 'encoder_k', 'student'",
  }),
  epochs: count.default(30).meta({ description: 'passes over the training images' }),
  batchSize: count.default(32).meta({ description: 'images per step' }),
  lrBackbone: notNegative
    .default(1e-3)
    .meta({ value: 'RATE', description: 'learning rate of every layer but the last; 0 freezes them' }),
  lrHead: notNegative.default(1e-2).meta({ value: 'RATE', description: 'learning rate of the new last layer' }),
  optimiser: z
    .enum(['sgd', 'adamw'])
    .default('sgd')
    .meta({ description: 'how weights follow their gradients; adamw wants rates about ten times smaller' }),
  weightDecay: notNegative
    .default(5e-4)
    .meta({ value: 'FACTOR', description: 'added to each gradient, times the weight' }),
  l2Sp: positive.optional().meta({
    value: 'FACTOR',
    description: 'weight decay of the trunk, to its pretrained weights instead of zero (L2-SP); 0.01 to 0.1 is usual',
  }),
  momentum: notNegative
    .max(1)
    .default(0.9)
    .meta({ value: 'FACTOR', description: 'share of the last step kept in the next (SGD)' }),
  nesterov: z.boolean().default(false).meta({ description: 'Nesterov’s momentum' }),
  schedule: z
    .enum(['exponential', 'cosine', 'step', 'constant'])
    .default('exponential')
    .meta({ description: 'how the learning rates fall over the epochs' }),
  gamma: positive.max(1).default(0.9).meta({
    value: 'FACTOR',
    description: 'of the exponential schedule: what both rates are multiplied by after each epoch',
  }),
  stepEpochs: count
    .default(10)
    .meta({ value: 'N', description: 'of the step schedule: the rates are multiplied by gamma every so many epochs' }),
  warmupEpochs: z
    .number()
    .int()
    .min(0)
    .default(0)
    .meta({ value: 'N', description: 'epochs over which the rates rise linearly before the schedule' }),
  warmupSteps: z
    .number()
    .int()
    .min(0)
    .default(0)
    .meta({ value: 'N', description: 'the same in steps, for the start of the first epoch' }),
  accumulate: count.default(1).meta({
    value: 'N',
    description: 'batches whose gradients are averaged before the weights change; memory stays that of one batch',
  }),
  clipNorm: positive
    .optional()
    .meta({ value: 'NORM', description: 'scale gradients down where their common norm is above this; 1 is usual' }),
  ema: notNegative.max(0.99999).default(0).meta({
    value: 'DECAY',
    description: 'validate, test and ship a moving average of the weights; 0.999 is usual, 0 is off',
  }),
  normStatistics: z.enum(['running', 'recomputed', 'auto']).default('running').meta({
    description:
      'batch norms’ statistics of the weights that are tested and shipped: those that ran with training, or recomputed for these weights over training images; auto takes those that are more accurate on the validation images',
  }),
  noDecay: z
    .array(z.enum(['norm', 'bias']))
    .default([])
    .meta({ value: 'KIND', description: 'parameters without weight decay: norm, bias or both' }),
  lrDecayPerStage: positive
    .max(1)
    .default(1)
    .meta({ value: 'FACTOR', description: 'each stage of the trunk trains at this times the rate of the next' }),
  patience: count
    .optional()
    .meta({ value: 'EPOCHS', description: 'stop when validation accuracy has not risen for so many epochs' }),
  classWeights: z
    .enum(['none', 'balanced'])
    .default('none')
    .meta({ description: 'balanced: images of small classes count more in the loss' }),
  mixup: notNegative
    .max(10)
    .default(0)
    .meta({ value: 'ALPHA', description: 'mix pairs of images by a Beta(alpha, alpha) share; 0.2 is usual' }),
  cutmix: notNegative
    .max(10)
    .default(0)
    .meta({ value: 'ALPHA', description: 'paste a rectangle of one image into another; 1 is usual' }),
  mixOffEpochs: z.number().int('expected a whole number').min(0).default(0).meta({
    value: 'N',
    description: 'the last epochs, in which images are no longer mixed by --mixup or --cutmix',
  }),
  freezeUntil: z
    .string()
    .optional()
    .meta({ value: 'STAGE', description: 'train only this stage and what comes after it, for instance layer3' }),
  unfreeze: z
    .array(z.string().regex(/^[\w.]+(:[1-9]\d*)?$/, "expected entries like 'head:3', 'layer4:3' or 'all'"))
    .default([])
    .meta({
      value: 'STAGE:EPOCHS',
      description: 'train the head first, then more and more stages: head:3,layer4:3,all',
    }),
  freezeBatchNorm: z
    .boolean()
    .default(false)
    .meta({ description: 'batch norms keep their stored statistics while their weights are trained' }),
  augment: z.enum(['crop-flip', 'trivial', 'none']).optional().meta({
    description:
      'random resized crop and flip, the same with TrivialAugment, or the evaluation crop; default: crop-flip, or none where the trunk is frozen',
  }),
  cropScale: positive
    .max(1)
    .default(0.35)
    .meta({ value: 'SHARE', description: 'smallest share of the image’s area that a random crop keeps' }),
  colorJitter: notNegative.max(1).default(0).meta({
    value: 'STRENGTH',
    description: 'random brightness, contrast, saturation and hue of training images; 0.4 is usual',
  }),
  randomErasing: notNegative
    .max(1)
    .default(0)
    .meta({ value: 'SHARE', description: 'share of training images in which a rectangle is erased; 0.25 is usual' }),
  labelSmoothing: notNegative
    .max(0.9)
    .default(0)
    .meta({ value: 'SHARE', description: 'share of each target spread over all classes' }),
  dropout: notNegative.max(0.9).optional().meta({
    value: 'SHARE',
    description: 'before the last layer, where the network has it; default: the network’s own',
  }),
  size: z
    .number()
    .int()
    .min(32)
    .max(1024)
    .optional()
    .meta({ value: 'PIXELS', description: 'side of the input; default: the network’s own' }),
  mean: z.array(z.number()).length(3).optional().meta({
    value: 'R,G,B',
    description: "what is subtracted from red, green and blue, of 1: 0.5,0.5,0.5; default: the weights' own",
  }),
  std: z.array(positive).length(3).optional().meta({
    value: 'R,G,B',
    description: "what they are divided by then; default: the weights' own",
  }),
  interpolation: z
    .enum(['bilinear', 'bicubic'])
    .optional()
    .meta({ description: "how images are resized for validation and testing; default: the weights' own" }),
  crop: z.number().min(0.1).max(1).optional().meta({
    value: 'SHARE',
    description:
      "share of the resized image's side that validation and testing look at: 0.875 is 224 of 256; default: the weights' own, and 1 with --crop-mode squash",
  }),
  cropMode: z.enum(['center', 'squash']).optional().meta({
    description:
      "what validation, testing and a frozen trunk see of an image: its centre, or all of it, squashed into a square; default: the weights' own",
  }),
  testScale: z.number().min(1).max(2).default(1).meta({
    value: 'FACTOR',
    description:
      'side of the input for validation, testing and predicting, times that of training, to the next multiple of 32: random crops enlarge what they show, which larger images make up for in some networks; look at the validation accuracy',
  }),
  tta: z.enum(['none', 'flip']).default('none').meta({
    description: 'flip: validate, test and predict with the mean of an image and its mirror image; takes twice as long',
  }),
  split: shares
    .default('7:2:1')
    .meta({ value: 'T:V:E', description: 'shares of training, validation and test images in each class' }),
  resplit: z.boolean().default(false).meta({
    description: 'divide all images anew by --split where the folder, or the CSV of --labels, has a split of its own',
  }),
  groupDuplicates: z.enum(['crops', 'near', 'none']).optional().meta({
    description:
      'what is kept on one side of the split, found by content: near-duplicates and crops of one another, near-duplicates only, or nothing; default: crops, or near where there are more than 20,000 images',
  }),
  labels: z.string().optional().meta({
    value: 'FILE',
    description: 'CSV of path, label and perhaps split, below the data folder, instead of class folders',
  }),
  exclude: z.array(z.string()).default([]).meta({ value: 'CLASS', description: 'class folders to leave out' }),
  skipBadImages: z
    .boolean()
    .default(false)
    .meta({ description: 'leave out images that cannot be decoded, and list them in the run folder' }),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(0)
    .meta({ description: 'of split, shuffling, augmentation and the new layer' }),
  splitSeed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .optional()
    .meta({ value: 'N', description: 'of the split alone, to vary the rest on one split; default: the seed' }),
  saveEvery: z
    .string()
    .regex(/^\d+(\.\d+)?[smh]$/, "expected a time like '90s', '10m' or '1h'")
    .optional()
    .meta({ value: 'TIME', description: 'save within long epochs, too: 10m, 1h; default: after each epoch' }),
  engine: z
    .enum(['auto', 'onednn', 'onnxruntime', 'webgpu'])
    .default('auto')
    .meta({ description: 'what executes the network' }),
  precision: z.enum(['float32', 'bfloat16', 'bf16', 'auto']).default('float32').meta({
    description:
      'how activations are stored; bfloat16 (bf16) takes half the memory, and is faster where the CPU computes in it; auto measures which is faster here',
  }),
  memory: z.string().regex(amountPattern, "expected a size like '4GB' or '800MB'").optional().meta({
    value: 'SIZE',
    description:
      'what the training step may take, like 4GB or 800MB: activations that do not fit are computed again, which takes longer and gives the same results; default: what is free',
  }),
  threads: threadCount
    .optional()
    .meta({ description: 'threads of the engine; default: the cores this process may use' }),
  compareScratch: z.boolean().default(false).meta({
    description: 'then train the same network from random weights, too, below the run folder, and compare',
  }),
  run: z
    .string()
    .optional()
    .meta({ value: 'FOLDER', description: 'where results go; default: a new folder under runs/' }),
})

/** Options as a person gives them: everything may be left out. */
export type TrainingOptions = z.input<typeof trainingOptions>
/** Options with every default filled in. */
export type ResolvedOptions = Omit<z.output<typeof trainingOptions>, 'precision'> & { readonly precision: Precision }

/** @throws RegraftError('usage') that names the option and what it takes */
export function checkOptions(options: TrainingOptions): ResolvedOptions {
  const parsed = trainingOptions.safeParse(options)
  if (parsed.success) {
    const { precision } = parsed.data
    if (precision === 'auto')
      throw new RegraftError(
        'usage',
        "option precision: name float32 or bfloat16 here; 'auto' is for whole runs and studies",
      )
    const { mixup, cutmix, mixOffEpochs, epochs, l2Sp, weights, normStatistics, freezeBatchNorm } = parsed.data
    if (normStatistics === 'recomputed' && freezeBatchNorm)
      throw new RegraftError(
        'usage',
        'option normStatistics: freezeBatchNorm keeps those that are stored; leave one of them out',
      )
    if (l2Sp !== undefined && weights === 'none')
      throw new RegraftError(
        'usage',
        'option l2Sp: there are no pretrained weights to decay to; leave it or weights none out',
      )
    if (mixOffEpochs > 0 && mixup === 0 && cutmix === 0)
      throw new RegraftError('usage', 'option mixOffEpochs: no images are mixed; give mixup or cutmix, too')
    if (mixOffEpochs > 0 && mixOffEpochs >= epochs)
      throw new RegraftError(
        'usage',
        `option mixOffEpochs: of ${plural(epochs, 'epoch')} none is left in which images are mixed; give fewer than ${epochs}`,
      )
    return { ...parsed.data, precision: precision === 'bf16' ? 'bfloat16' : precision }
  }
  const [issue] = parsed.error.issues
  if (issue?.code === 'unrecognized_keys') {
    const [name = ''] = issue.keys
    throw new RegraftError(
      'usage',
      `there is no option '${name}'${didYouMean(name, Object.keys(trainingOptions.shape))}`,
    )
  }
  throw new RegraftError('usage', `option ${issue?.path.join('.')}: ${issue?.message}`)
}
