/** Times as people read them. */

/** '40 ms', '12.3 s', '3 min 05 s', '1 h 02 min' */
export function duration(seconds: number): string {
  if (seconds < 0.1) return `${Math.ceil(1000 * seconds)} ms`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const two = (value: number) => String(value).padStart(2, '0')
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  const minutes = Math.round(whole / 60)
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
}
