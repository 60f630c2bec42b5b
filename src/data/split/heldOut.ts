/** How a class's images are shared out, in numbers. */

/** How many of a class's images are for validation and for test: rounded, but so that at least one is left for training. */
export function heldOut(count: number, val: number, test: number): [number, number] {
  let vals = Math.round(count * val)
  let tests = Math.round(count * test)
  while (vals + tests > 0 && vals + tests >= count) {
    if (vals >= tests) vals--
    else tests--
  }
  return [vals, tests]
}
