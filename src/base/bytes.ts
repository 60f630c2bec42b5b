/** Amounts of memory as people write them. */

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

/** '4GB' or '800MB', also with a space or in small letters. */
export const amountPattern = /^\d+(\.\d+)?\s?[MG]B$/i

/** Bytes of what `amountPattern` describes. */
export const bytesOf = (amount: string): number => Number.parseFloat(amount) * (/g/i.test(amount) ? 1e9 : 1e6)
