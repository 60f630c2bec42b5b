/** `regraft export`: a trained model as a file for other programs. */
import { extname, join } from 'node:path'
import { Command, Option } from 'commander'
import { bytes } from '../base/bytes.js'
import { RegraftError } from '../base/errors.js'
import {
  type ExportedOnnx,
  type ExportOptions,
  exportInt8,
  exportOnnx,
  exportWeb,
  exportWeights,
} from '../inference/index.js'
import { percent, rate } from './terminal/format.js'
import { progress } from './terminal/progress.js'
import { say } from './terminal/say.js'
import { table } from './terminal/table.js'

const formats = ['onnx', 'safetensors', 'pth'] as const
type Format = (typeof formats)[number]

interface ExportCommandOptions extends ExportOptions {
  readonly format?: Format
  readonly out?: string
  readonly int8?: boolean
  readonly web?: string
}

export const exportCommand = new Command('export')
  .description('write what a run has trained for other programs: ONNX, safetensors or PyTorch')
  .argument('<run>', 'folder of a finished run, or a model folder')
  .addOption(
    new Option('--format <FORMAT>', "what to write; default: what --out's name ends with, else onnx").choices(formats),
  )
  .option('--out <FILE>', "where to; default: model.FORMAT in the run's folder")
  .option('--preprocessing', 'ONNX: resizing, crop and normalisation inside; takes one image of any size as it is')
  .option('--probabilities', "ONNX: softmax inside, with the run's temperature")
  .option('--no-calibration', 'with --probabilities: without the temperature that was fitted on validation images')
  .option('--int8', "ONNX: convolutions in 8 bits, with ranges from the run's training images; says what that costs")
  .option('--web <FOLDER>', 'a page that classifies images in the browser, with no server behind it')
  .addHelpText(
    'after',
    '\nExamples:\n  regraft export runs/photos-resnet50 --out photos.onnx\n  regraft export runs/photos-resnet50 --preprocessing --probabilities\n  regraft export runs/photos-resnet50 --out photos.pth     # load_state_dict(torch.load(…))\n  regraft export runs/photos-resnet50 --web page           # then: npx http-server page',
  )
  .action(async (run: string, options: ExportCommandOptions) => {
    if (options.web !== undefined) return web(run, options.web, options)
    const format = options.format ?? formatOf(options.out)
    const out = options.out ?? join(run, `model.${format}`)
    if (format !== 'onnx') {
      const given = (['preprocessing', 'probabilities', 'int8'] as const).find(name => options[name])
      if (given)
        throw new RegraftError(
          'usage',
          `--${given} goes into an ONNX file; ${format} holds weights alone: leave out --${given}, or pass --format onnx`,
        )
      const written = await exportWeights(run, out, format)
      line(`${out} (${bytes(written.bytes)}): ${written.tensors} tensors, float32, under PyTorch's names`)
      return
    }
    if (options.int8) return int8(run, out, options)
    const { bytes: size, input, output, check, oneView } = await exportOnnx(run, out, options)
    line(`${out} (${bytes(size)}); classes and preprocessing are in its metadata`)
    line(`input   ${input}\noutput  ${output}`)
    line(checked(check))
    if (oneView)
      line(
        "the run's accuracy is of images with their mirror images (--tta flip); the file sees one: run it on both and average",
      )
  })

/** What a file's name says that is wanted. @throws RegraftError('usage') where it says something else */
function formatOf(out: string | undefined): Format {
  const ending = extname(out ?? '').toLowerCase()
  const format = formats.find(name => ending === `.${name}`)
  if (ending !== '' && !format)
    throw new RegraftError(
      'usage',
      `--out ${out}: ${ending} is none of ${formats.map(name => `.${name}`).join(', ')}; name the file so, or pass --format`,
    )
  return format ?? 'onnx'
}

const parts = { train: 'training', val: 'validation', test: 'test' }

const line = (text: string) => say(`${text}\n`)

function checked({ part, images, difference }: ExportedOnnx['check']): string {
  const which = part === undefined ? 'random' : parts[part]
  const why = part === undefined ? " (the run's own are not there)" : ''
  return `checked in ONNX Runtime on ${images} ${which} images${why}: largest difference from the engine ${difference.toExponential(1)}`
}

async function web(run: string, folder: string, options: ExportCommandOptions): Promise<void> {
  const given = (['format', 'out', 'int8'] as const).find(name => options[name])
  if (given) throw new RegraftError('usage', `--web writes a folder of its own; leave out --${given}`)
  const { bytes: size, files, check } = await exportWeb(run, folder, options.calibration)
  line(`${folder}: ${files} files, ${bytes(size)}; open its index.html by way of a web server ('npx http-server')`)
  line(checked(check))
}

async function int8(run: string, out: string, options: ExportOptions): Promise<void> {
  const bar = progress({ label: 'Finding ranges, then comparing', unit: 'image', transient: true })
  const {
    bytes: size,
    input,
    output,
    calibrated,
    comparison,
  } = await exportInt8(run, out, options, (_, done, total) => bar.update(done, total)).finally(() => bar.done())
  const { part, images, float32, int8: small, agreement } = comparison
  line(`${out} (${bytes(size)}); classes and preprocessing are in its metadata`)
  line(`input   ${input}\noutput  ${output}`)
  line(`ranges from ${calibrated} training images; compared in ONNX Runtime on ${images} ${parts[part]} images:`)
  const row = (name: string, { top1, imagesPerSecond }: typeof small) => [
    name,
    percent(top1),
    rate(imagesPerSecond, 'image'),
  ]
  line(table(['', 'top-1', 'speed'], [row('float32', float32), row('int8', small)]))
  line(`the same class for ${percent(agreement)} of the images`)
}
