/** What is wrong with a person's data, told together: mending one thing and running again for the next one is slow. */
import { RegraftError } from '../base/errors.js'
import { plural } from '../base/plural.js'
import { visibleLine } from '../base/visible.js'

/** Of each kind, how many are named. */
const NAMED = 10

/** Lines of a list, whatever names hold: the first ones, and how many more there are. */
export function listed(items: readonly string[], rest = ''): string[] {
  const lines = items.slice(0, NAMED).map(item => `  ${visibleLine(item)}`)
  return items.length > NAMED ? [...lines, `  and ${items.length - NAMED} more${rest}`] : lines
}

/**
 * All faults as one error.
 * @param where the folder or file
 * @param faults each a sentence that says what to do; one or more
 */
export function faulty(
  where: string,
  faults: readonly string[],
  more: readonly string[] = [],
  advice = '',
): RegraftError {
  if (faults.length + more.length === 1) return new RegraftError('data', visibleLine([...faults, ...more][0] as string))
  const rest = `; regraft audit names them all`
  const lines = [...listed(faults, rest), ...listed(more, rest)]
  const count = plural(faults.length + more.length, 'thing is', 'things are')
  return new RegraftError('data', [`${count} wrong with ${where}:`, ...lines, ...(advice ? [advice] : [])].join('\n'))
}
