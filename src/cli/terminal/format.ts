/** Numbers as people read them. */

import { bytes } from '../../base/bytes.js'

export { bytes } from '../../base/bytes.js'
export { duration } from '../../base/duration.js'

/** A share from 0 to 1 as '94.6 %'. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** 25,557,032 */
export const thousands = (count: number): string => count.toLocaleString('en-US')

/** '8.4 images/s', '1,340 images/s', '12.3 MB/s' */
export function rate(perSecond: number, unit: 'image' | 'pair' | 'byte'): string {
  if (unit === 'byte') return `${bytes(perSecond)}/s`
  return `${perSecond < 9.95 ? perSecond.toFixed(1) : thousands(Math.round(perSecond))} ${unit}s/s`
}
