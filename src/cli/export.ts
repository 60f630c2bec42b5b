/** `regraft export`: a trained model as a file for other programs. */
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { bytes } from '../base/bytes.js'
import { RegraftError } from '../base/errors.js'
import { type ExportOptions, exportOnnx, exportWeights } from '../inference/index.js'

const formats = ['onnx', 'safetensors', 'pth'] as const
type Format = (typeof formats)[number]

interface ExportCommandOptions extends ExportOptions {
  readonly format?: Format
  readonly out?: string
}

export const exportCommand = new Command('export')
  .description('write what a run has trained for other programs: ONNX, safetensors or PyTorch')
  .argument('<run>', 'folder of a finished run, or a model folder')
  .addOption(
    new Option('--format <FORMAT>', "what to write; default: what --out's name ends with, else onnx").choices(formats),
  )
  .option('--out <FILE>', "where to; default: model.FORMAT in the run's folder")
  .option('--preprocessing', 'ONNX: resizing, crop and normalisation inside; takes one image of any size as it is')
  .option('--probabilities', 'ONNX: softmax inside')
  .addHelpText(
    'after',
    '\nExamples:\n  regraft export runs/photos-resnet50 --out photos.onnx\n  regraft export runs/photos-resnet50 --preprocessing --probabilities\n  regraft export runs/photos-resnet50 --out photos.pth     # load_state_dict(torch.load(…))',
  )
  .action(async (run: string, options: ExportCommandOptions) => {
    const format = options.format ?? formats.find(name => options.out?.toLowerCase().endsWith(`.${name}`)) ?? 'onnx'
    const out = options.out ?? join(run, `model.${format}`)
    if (format !== 'onnx') {
      const given = (['preprocessing', 'probabilities'] as const).find(name => options[name])
      if (given)
        throw new RegraftError(
          'usage',
          `--${given} goes into an ONNX file; ${format} holds weights alone: leave out --${given}, or pass --format onnx`,
        )
      const written = await exportWeights(run, out, format)
      say(`${out} (${bytes(written.bytes)}): ${written.tensors} tensors, float32, under PyTorch's names`)
      return
    }
    const { bytes: size, input, output, check } = await exportOnnx(run, out, options)
    const images =
      check.part === undefined ? 'random' : { train: 'training', val: 'validation', test: 'test' }[check.part]
    const why = check.part === undefined ? " (the run's own are not there)" : ''
    say(`${out} (${bytes(size)}); classes and preprocessing are in its metadata`)
    say(`input   ${input}\noutput  ${output}`)
    say(
      `checked in ONNX Runtime on ${check.images} ${images} images${why}: largest difference from the engine ${check.difference.toExponential(1)}`,
    )
  })

const say = (line: string) => void process.stdout.write(`${line}\n`)
