/** Measures what it does to say of some images that they show none of a model's classes. */
import type { Dataset } from '../data/index.js'
import type { Evaluation } from '../training/evaluate.js'
import { confidenceOf, ranking } from '../training/index.js'

/** What `reject` does: on images of the model's classes, and on others. */
export interface RejectionMeasured {
  readonly threshold: number
  /** Of images of the model's classes, and of those among them that are classified right. */
  readonly known: { readonly images: number; readonly passed: number }
  readonly right: { readonly images: number; readonly passed: number }
  /** Images of classes that the model does not have: of the other folder, or those that the run left out of its own. */
  readonly unknown: { readonly images: number; readonly rejected: number; readonly classes: readonly string[] }
}

export function rejectionMeasured(
  threshold: number,
  known: Evaluation,
  unknown: Evaluation,
  classes: readonly string[],
): RejectionMeasured {
  const right = known.scored.filter(({ logits, label }) => ranking(logits)[0] === label)
  const passed = (images: Evaluation['scored']) =>
    images.filter(({ logits }) => confidenceOf(logits) >= threshold).length
  const of = (images: Evaluation['scored']) => ({ images: images.length, passed: passed(images) })
  const { images, passed: missed } = of(unknown.scored)
  return {
    threshold,
    known: of(known.scored),
    right: of(right),
    unknown: { images, rejected: images - missed, classes },
  }
}

/** The images of classes that a model does not have. */
export function strangers(data: Dataset, known: readonly string[]): Dataset {
  const classes = data.classes.filter(name => !known.includes(name))
  const samples = data.samples.filter(({ label }) => !known.includes(data.classes[label]!))
  // Their labels say nothing to the model
  return { root: data.root, classes, samples: samples.map(({ path }) => ({ path, label: 0 })) }
}
