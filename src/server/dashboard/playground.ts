/** What a run's model says of an image that was dropped on the page, and where it sees that. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Explainer, loadExplainer } from '../../inference/index.js'
import { thresholdOf, USUAL_SHARE } from '../../training/index.js'
import type { Explained } from './messages.js'

export interface Playground {
  explain(run: string, image: Uint8Array, name: string | undefined): Promise<Explained>
  close(): Promise<void>
}

/** The model that was asked last stays ready; images wait for one another. @param maxPixels of an image */
export function createPlayground(maxPixels: number): Playground {
  let ready: { readonly run: string; readonly mtimeMs: number; readonly explainer: Explainer } | undefined
  let turn: Promise<unknown> = Promise.resolve()
  const explainerOf = async (run: string): Promise<Explainer> => {
    // Of the same name there may be another model meanwhile
    const { mtimeMs } = await stat(join(run, 'model', 'model.safetensors')).catch(() => ({ mtimeMs: 0 }))
    if (ready?.run === run && ready.mtimeMs === mtimeMs) return ready.explainer
    const before = ready
    ready = undefined
    await before?.explainer.close()
    const explainer = await loadExplainer(run, { maxPixels })
    ready = { run, mtimeMs, explainer }
    return explainer
  }
  return {
    explain: (run, image, name) => {
      const answer = turn.then(async () => {
        const explainer = await explainerOf(run)
        const explained = await explainer.explain(image, name)
        const overlay = `data:image/png;base64,${Buffer.from(await explained.overlay()).toString('base64')}`
        const { rejection } = explainer
        return {
          class: explained.class,
          scores: explained.scores.slice(0, 5),
          ...(rejection ? { rejected: explained.confidence < thresholdOf(rejection, USUAL_SHARE, run) } : {}),
          overlay,
        }
      })
      turn = answer.catch(() => {})
      return answer
    },
    close: async () => {
      await turn
      await ready?.explainer.close()
      ready = undefined
    },
  }
}
