/** Exports a trained model's weights for PyTorch's world: a state dict under the names of torchvision and timm. */
import { stat } from 'node:fs/promises'
import { networkGraph, networkNamed, stateShapes } from '../models/index.js'
import { readModel } from '../training/index.js'
import { writePyTorch, writeSafetensors } from '../weights/index.js'
import { metadataOf } from './exportOnnx.js'

/**
 * Writes every parameter and statistic in the network's order: what `load_state_dict(…, strict=True)` of a network with as
 * many classes takes. Beside the tensors the file says which network it is, its classes, preprocessing and temperature.
 * @param run a run folder, or a model folder
 * @returns bytes and number of tensors
 * @throws RegraftError('run') where there is no model
 */
export async function exportWeights(
  run: string,
  path: string,
  format: 'safetensors' | 'pth',
): Promise<{ readonly bytes: number; readonly tensors: number }> {
  const model = await readModel(run)
  const { network, classes, values } = model
  const graph = networkGraph(networkNamed(network), { classes: classes.length, batch: 1 })
  const tensors = new Map(
    [...stateShapes(graph)].map(([name, shape]) => [name, { shape, values: values.get(name) as Float32Array }]),
  )
  const metadata = metadataOf(model, model.temperature ?? 1)
  if (format === 'pth') await writePyTorch(path, tensors, metadata)
  else await writeSafetensors(path, tensors, { format: 'pt', ...metadata })
  return { bytes: (await stat(path)).size, tensors: tensors.size }
}
