/** What a classifier gives for a class. */

/** A class and its probability, from 0 to 1. */
export interface Score {
  readonly class: string
  readonly probability: number
}
