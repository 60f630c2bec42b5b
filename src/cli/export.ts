/** `regraft export`: a trained model as an ONNX file. */
import { join } from 'node:path'
import { Command } from 'commander'
import { bytes } from '../base/bytes.js'
import { exportOnnx } from '../inference/index.js'

export const exportCommand = new Command('export')
  .description('write what a run has trained as an ONNX file, for any runtime of that format')
  .argument('<run>', 'folder of a finished run, or a model folder')
  .option('--out <FILE>', "where to; default: model.onnx in the run's folder")
  .addHelpText('after', '\nExample:\n  regraft export runs/photos-resnet50 --out photos.onnx')
  .action(async (run: string, { out = join(run, 'model.onnx') }: { out?: string }) => {
    const size = await exportOnnx(run, out)
    process.stdout.write(
      `${out} (${bytes(size)}): input images [batch, 3, size, size], output logits; classes and preprocessing are in its metadata\n`,
    )
  })
