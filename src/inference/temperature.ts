/** The temperature of a run: what its logits are divided by so that probabilities mean what they say. */
import { readResult } from '../training/index.js'

/** @param folder a run folder; 1 for a model folder, and where no validation images were there to fit it on */
export async function temperatureOf(folder: string): Promise<number> {
  return (await readResult(folder))?.calibration?.temperature ?? 1
}
