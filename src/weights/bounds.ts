/** What no file of a network's weights has more of: it bounds what looking through somebody's file takes. */
import { wrong } from './torchTensor.js'

/** The largest network here has 930 entries; detectors and language models of 2 GB have some thousands. */
export const mostEntries = 20_000
const longestName = 1000

/** @throws RegraftError('weights') where there are more entries than any network has, or a name is too long */
export function checkNames(names: Iterable<string>): void {
  let count = 0
  for (const name of names) {
    count++
    if (name.length > longestName) throw wrong(`it has a name of ${name.length} characters, which no network has`)
    if (count > mostEntries) throw wrong(`it has more than ${mostEntries} entries, which no network has`)
  }
}
