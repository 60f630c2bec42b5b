/** Exports a trained model as one ONNX file, which every runtime of that format can serve. */
import { writeFileAtomic } from '../base/files.js'
import { toOnnx } from '../engines/index.js'
import { inferenceGraph } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { readModel } from '../training/index.js'

/**
 * Writes the network with batch norm folded, in ONNX's own operators (opset 17): input `images` [batch, 3, size, size],
 * normalised RGB; output logits [batch, classes]. Its metadata hold `network`, and `classes` and `preprocessing` as JSON.
 * @param run a run folder, or a model folder
 * @returns bytes written
 * @throws RegraftError('run') where there is no model
 */
export async function exportOnnx(run: string, path: string): Promise<number> {
  const { classes, network, preprocessing, values } = await readModel(run)
  const forward = networkGraph(networkNamed(network), { classes: classes.length, batch: 1, size: preprocessing.size })
  const { graph, parameters } = inferenceGraph(forward)
  const file = toOnnx(
    graph,
    parameters(name => values.get(name) as Float32Array),
    {
      network,
      classes: JSON.stringify(classes),
      preprocessing: JSON.stringify(preprocessing),
    },
  )
  await writeFileAtomic(path, file)
  return file.length
}
