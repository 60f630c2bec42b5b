/** The precision of a study that leaves it open: the one in which a training step of its base is faster here, the same for all runs. */
import type { Dataset } from '../data/index.js'
import type { Network } from '../models/index.js'
import { checkOptions, chosenFor, type TrainingOptions } from '../training/index.js'
import { augmentationOf, cachesFeatures, trainingGraphs } from '../training/session.js'
import type { StudyRecord } from './record.js'

/** @param tell hears what was chosen, and why */
export async function settlePrecision(
  record: StudyRecord,
  network: Network,
  { classes: { length: classes } }: Dataset,
  tell: (message: string) => void,
): Promise<StudyRecord> {
  const options = checkOptions(record.base as TrainingOptions)
  const size = options.size ?? network.preprocessing.size
  const graphs = trainingGraphs(network, options, classes, size, cachesFeatures(augmentationOf(options), options))
  const { precision } = await chosenFor({ network, graphs, options, classes, size }, 'auto', tell)
  return { ...record, base: { ...record.base, precision } }
}
