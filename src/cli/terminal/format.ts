/** Numbers as people read them. */

export { duration } from '../../base/duration.js'

/** '1.4 GB': powers of 1000, three digits at most. */
export function bytes(count: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  let value = count
  let power = 0
  // What would be rounded to 1000 is one of the next unit.
  while (value >= 999.5 && power < units.length - 1) {
    value /= 1000
    power++
  }
  return `${power === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`
}

/** A share from 0 to 1 as '94.6 %'. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** 25,557,032 */
export const thousands = (count: number): string => count.toLocaleString('en-US')

/** '8.4 images/s', '1,340 images/s', '12.3 MB/s' */
export function rate(perSecond: number, unit: 'image' | 'byte'): string {
  if (unit === 'byte') return `${bytes(perSecond)}/s`
  return `${perSecond < 9.95 ? perSecond.toFixed(1) : thousands(Math.round(perSecond))} images/s`
}
