/** What the exported page and its worker say to each other, and the file that describes the model. */

/** `model.json`, beside the page. */
export interface Described {
  readonly network: string
  readonly classes: readonly string[]
}

/** An image to classify. */
export interface Asked {
  readonly id: number
  readonly image: Blob
}

/** The model is ready, an image has been classified, or something failed; without `id`, all of it. */
export type Told =
  | { readonly kind: 'ready' }
  | { readonly kind: 'classified'; readonly id: number; readonly probabilities: Float32Array; readonly ms: number }
  | { readonly kind: 'failed'; readonly id?: number; readonly message: string }
