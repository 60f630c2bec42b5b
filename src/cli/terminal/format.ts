/** Numbers as people read them. */

/** '12.3 s', '3 min 05 s', '1 h 02 min' */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const two = (value: number) => String(value).padStart(2, '0')
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  const minutes = Math.round(whole / 60)
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
}

/** '1.4 GB': powers of 1000, three digits at most. */
export function bytes(count: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(Math.max(Math.floor(Math.log10(Math.max(count, 1)) / 3), 0), units.length - 1)
  const value = count / 1000 ** power
  return `${power === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`
}

/** A share from 0 to 1 as '94.6 %'. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** 25,557,032 */
export const thousands = (count: number): string => count.toLocaleString('en-US')
