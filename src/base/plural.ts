/** Counts with their nouns. */

/** '1 image', '1,200 images'; `many` where the plural has more than an s. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
