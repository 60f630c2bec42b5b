/** What a data set is: classes, and samples that are files below one folder. Plain data, no pixels. */

/** One image file and its class. */
export interface ImageSample {
  /** Relative to the data set's root, with '/' between folders on every platform. */
  readonly path: string
  /** Index into `classes`. */
  readonly label: number
}

/** Three disjoint lists of sample indices. */
export interface Split {
  readonly train: readonly number[]
  readonly val: readonly number[]
  readonly test: readonly number[]
}

/** Classes and samples. Nothing here is read again from disk until an image is needed. */
export interface Dataset {
  /** The folder that sample paths start from. */
  readonly root: string
  /** The archive that the root was unpacked from, as a person named it. */
  readonly source?: string
  /** Class names, sorted by code point; the index is the label. */
  readonly classes: readonly string[]
  readonly samples: readonly ImageSample[]
  /** The split that folders named train, val and test give; a part that has no folder is empty. */
  readonly predefined?: Split
  /** What gave that split, where it was no folder: a file of labels. */
  readonly predefinedBy?: 'labels'
  /** How many files were left out because they are no images. */
  readonly ignored?: number
  /** What is wrong with it, in sentences: `checkImages` refuses to train before that is mended. */
  readonly faults?: readonly string[]
  /** What a person should hear before training on it, in sentences. */
  readonly warnings?: readonly string[]
}

/** How a data set is opened again: by its folder, or by its archive. */
export const sourceOf = ({ root, source }: Pick<Dataset, 'root' | 'source'>): string => source ?? root
