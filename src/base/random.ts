/** Seeded random streams: the same parts (seed, epoch, index, …) always give the same numbers, in any order and on any thread. */

/** A stream of pseudo-random numbers. */
export interface RandomStream {
  /** The next number, uniform in [0, 1) with 32 bits. */
  next(): number
  /** A whole number, uniform in [0, count). */
  integer(count: number): number
  /** A normally distributed number with mean 0 and standard deviation 1 (Box-Muller). */
  normal(): number
}

/** murmur3's 32-bit finaliser: a bijection that spreads every input bit over the output. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * A stream for the given parts; text and numbers may be mixed: `randomStream(seed, 'augment', epoch, index)`.
 * The generator is sfc32 (C. Doty-Humphrey, PractRand), seeded from a hash of the parts.
 */
export function randomStream(...parts: readonly (number | string)[]): RandomStream {
  let hash = 0x9e3779b9
  for (const part of parts) {
    if (typeof part === 'string') for (let i = 0; i < part.length; i++) hash = mix(hash ^ part.charCodeAt(i)) + i
    else hash = mix(mix(hash ^ (part >>> 0)) ^ Math.floor(part / 2 ** 32))
    hash = mix(hash + 0x6d2b79f5)
  }
  let a = mix(hash + 1)
  let b = mix(hash + 2)
  let c = mix(hash + 3)
  let counter = 1
  const next32 = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) next32()
  const next = () => next32() / 2 ** 32
  return {
    next,
    integer: count => Math.floor(next() * count),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  }
}

/** A new array with the same elements in random order (Fisher-Yates). */
export function shuffled<T>(items: readonly T[], random: RandomStream): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.integer(i + 1)
    ;[result[i], result[j]] = [result[j] as T, result[i] as T]
  }
  return result
}
