/** The model card: what a shipped model is, what it was trained on, and how well it does. */
import type { RunConfig, RunResult, WithInterval } from './runFolder.js'

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

const row = (name: string, metrics: WithInterval | undefined) =>
  metrics
    ? `| ${name} | ${metrics.images} | ${percent(metrics.top1)} (${metrics.interval.map(percent).join(' to ')}) | ${percent(metrics.meanPerClass)} | ${metrics.loss.toFixed(3)} |\n`
    : ''

/** Markdown for the model folder's README. */
export function modelCard(config: RunConfig, result: RunResult): string {
  const { options, provenance, classes, preprocessing } = config
  const origin = [provenance.source, provenance.origin, provenance.licence].filter(Boolean).join('; ')
  return `# ${config.network} for ${classes.length} classes

An image classifier, fine-tuned with Regraft ${config.environment.regraft} from pretrained weights (${origin}).

| images | number | top-1 accuracy (95 % interval) | mean per-class accuracy | loss |
|---|---|---|---|---|
${row('validation', result.validation)}${row('test', result.test)}
The weights are those of epoch ${result.bestEpoch} of ${options.epochs}, the best on the validation images; the test images were used once, in the end.

- Input: ${preprocessing.size} x ${preprocessing.size} pixels, RGB; short side to ${preprocessing.resize} (${preprocessing.interpolation}, antialiased), centre crop; pixel / 255, mean ${preprocessing.mean.map(value => value.toFixed(4)).join(', ')}, deviation ${preprocessing.std.map(value => value.toFixed(4)).join(', ')}
- Training: ${options.epochs} epochs, batch ${config.resolved.batchSize}, learning rates ${options.lrBackbone} (backbone) and ${options.lrHead} (head), weight decay ${options.weightDecay}, augmentation ${config.resolved.augment}, seed ${options.seed}
- Training images: ${config.split.train.length} of ${config.split.train.length + config.split.val.length + config.split.test.length}
- Classes: ${classes.join(', ')}

\`model.json\` holds classes and preprocessing, \`model.safetensors\` the weights under PyTorch's parameter names.
It can be no better than its images: check it on yours before you rely on it.
`
}
