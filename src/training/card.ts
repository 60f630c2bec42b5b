/** The model card: what a shipped model is, what it was trained on, how well it does, and how to load it. */
import { basename } from 'node:path'
import { stringify } from 'yaml'
import { plural } from '../base/plural.js'
import { visible } from '../base/visible.js'
import { type Network, networkNamed } from '../models/index.js'
import { snippets } from './cardSnippets.js'
import { percent } from './metrics.js'
import { type RunConfig, type RunResult, testedWith, type WithInterval } from './runFolder.js'

const row = (name: string, metrics: WithInterval | undefined) =>
  metrics
    ? `| ${name} | ${metrics.images} | ${percent(metrics.top1)} (${metrics.interval.map(percent).join(' to ')}) | ${percent(metrics.meanPerClass)} | ${metrics.loss.toFixed(3)} |\n`
    : ''

/** What a card says of a result. */
type Measured = Pick<RunResult, 'validation' | 'test' | 'across'>

/** Which weights are shipped of a run alone. */
export const bestEpochsWeights = ({ options }: RunConfig, { bestEpoch, normStatistics }: RunResult): string =>
  `The weights are those of epoch ${bestEpoch} of ${options.epochs}, the best on the validation images${
    normStatistics === 'recomputed' ? ', with statistics of batch norms recomputed for them over training images' : ''
  }; the test images were used once, in the end.`

/** A name without what Markdown, HTML or YAML would understand, nor any folder of the machine or secret of an address it came from. */
const plainName = (path: string): string =>
  basename(path.replace(/[?#].*$/s, '')).replace(/[^\p{L}\p{N}._ -]+/gu, '-') || 'images'

/** The header that the Hugging Face Hub reads. */
function header(config: RunConfig, result: Measured, network: Network): string {
  const { provenance } = config
  const data = plainName(config.data)
  const published = network.weights[provenance.source]
  const base = /^hf:(.+)$/.exec(published?.url ?? provenance.source)?.[1]
  const measured = result.test ?? result.validation
  const name = `${network.name}-${data}`
  const results = measured && [
    {
      task: { type: 'image-classification' },
      dataset: { name: data, type: 'imagefolder', split: result.test ? 'test' : 'validation' },
      metrics: [
        { type: 'accuracy', value: Number(measured.top1.toFixed(4)) },
        { type: 'accuracy', name: 'mean per-class accuracy', value: Number(measured.meanPerClass.toFixed(4)) },
      ],
    },
  ]
  return stringify({
    pipeline_tag: 'image-classification',
    library_name: 'regraft',
    tags: ['image-classification', 'regraft', network.name],
    ...(provenance.licence ? { license: provenance.licence.toLowerCase() } : {}),
    ...(base ? { base_model: base } : {}),
    datasets: [data.replaceAll(' ', '-')],
    metrics: ['accuracy'],
    ...(results ? { 'model-index': [{ name, results }] } : {}),
  })
}

/** How the images were divided. */
function seen({ resize, size, crop, interpolation }: RunConfig['preprocessing']): string {
  if (crop === 'center') return `short side to ${resize} (${interpolation}, antialiased), centre crop`
  const both = `both sides to ${resize} (${interpolation}, antialiased)`
  return resize === size ? both : `${both}, centre crop`
}

function split({ ownSplit, options, resolved }: RunConfig): string {
  if (!ownSplit)
    return `, divided ${options.split} in each class${resolved.grouping === 'none' ? '' : ', near-duplicates on the same side'}`
  const whose = ownSplit.from === 'labels' ? "the labels file's" : "the folder's"
  const taken = ownSplit.taken.map(name => `; its ${name} images were taken from training (${options.split})`)
  return `, ${whose} own split${taken.join('')}`
}

/** That pictures stand in several parts, where they do. */
function twins({ across }: Measured): string {
  if (!across) return ''
  const without = across.without ? '; the row without twins leaves those out' : ''
  return `\n\n${across.images} images are near-duplicates or crops of others in another part of the split. ${across.test} of them are test images, whose picture is in training or validation, too${without}.`
}

/** Markdown for the model folder's README; `weights` is a sentence that says which they are. No path of the machine that trained it stands in it. */
export function modelCard(config: RunConfig, result: Measured, weights: string): string {
  const { options, provenance, classes } = config
  const preprocessing = testedWith(config)
  const network = networkNamed(config.network)
  const origin = [plainName(provenance.source), provenance.origin].filter(Boolean).join('; ')
  const parts = config.split
  return `---
${header(config, result, network)}---

# ${config.network} for ${classes.length} classes

An image classifier, fine-tuned with Regraft ${config.environment.regraft} from ${provenance.source === 'none' ? 'random weights' : `pretrained weights (${origin})`}.

## Results

| images | number | top-1 accuracy (95 % interval) | mean per-class accuracy | loss |
|---|---|---|---|---|
${row('validation', result.validation)}${row('test', result.test)}${row('test, without twins', result.across?.without)}
${weights}${twins(result)}

## How to use it

${snippets(config)}
## How it was made

- Data: ${plainName(config.data)}; ${parts.train.length} images for training, ${parts.val.length} for validation, ${parts.test.length} for testing${split(config)}
- Input: ${preprocessing.size} x ${preprocessing.size} pixels, RGB; ${seen(preprocessing)}; pixel / 255, mean ${preprocessing.mean.map(value => value.toFixed(4)).join(', ')}, deviation ${preprocessing.std.map(value => value.toFixed(4)).join(', ')}
- Training: ${plural(options.epochs, 'epoch')}, batch ${config.resolved.batchSize}, learning rates ${options.lrBackbone} (backbone) and ${options.lrHead} (head), weight decay ${options.weightDecay}, augmentation ${config.resolved.augment}, seed ${options.seed}
- Pretrained weights: ${origin}${provenance.sha256 ? `, SHA-256 ${provenance.sha256}` : ''}; licence ${provenance.licence ?? 'not known to Regraft: look where they come from'}
- Licence of the images: not known to Regraft; whoever publishes the model has to know it

## Limits

It gives every image one of its ${classes.length} classes, also images of something else. It can be no better than its images: check it on yours before you rely on it.

## Classes

In the order of the outputs:

    ${visible(JSON.stringify(classes))}
`
}
