/** How many columns a text takes in a terminal, and how it is made to take fewer. */

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const none = /[\p{Mn}\p{Me}\p{Cf}]/u

/** Chinese, Japanese and Korean characters take two columns, combining marks none. */
export const columns = (text: string): number =>
  [...text].reduce((sum, character) => sum + (none.test(character) ? 0 : wide.test(character) ? 2 : 1), 0)

/** As many characters as take so many columns. */
function taken(characters: Iterable<string>, width: number): string[] {
  const result: string[] = []
  let used = 0
  for (const character of characters) {
    used += columns(character)
    if (used > width) break
    result.push(character)
  }
  return result
}

/** The text, cut to that many columns with an ellipsis where it is longer; a path in its middle, since it is told by its end. */
export function truncate(text: string, width: number): string {
  if (columns(text) <= width) return text
  if (!/^\S*\/\S*$/.test(text)) return `${taken(text, width - 1).join('')}…`
  const end = taken([...text].reverse(), Math.ceil((2 * (width - 1)) / 3)).reverse()
  const start = taken(text, width - 1 - columns(end.join('')))
  return `${start.join('')}…${end.join('')}`
}

/** Fewer columns than these are no terminal for reading. */
const narrowest = 20

/**
 * Breaks lines between words so that none is wider; the rest of a line is indented. A word that is too long stays whole, and
 * so does a line of a command that goes on in the next: the terminal's own ends of lines are not copied with it.
 */
export function wrapped(text: string, width: number): string {
  if (width < narrowest) return text
  return text
    .split('\n')
    .flatMap(line => (columns(line) <= width || line.endsWith(' \\') ? [line] : broken(line, width)))
    .join('\n')
}

/** Words with the space before them; a number and its unit are one. */
const words = /( *)((?:[^ ]| (?=(?:%|s|ms|min|MB|GB|kB)(?:[^\p{L}]|$)))+)/gu

function broken(line: string, width: number): string[] {
  const indent = /^ */.exec(line)![0]
  const rest = `${indent}  `
  const lines: string[] = []
  let current = indent
  // A command that ends a line is one word, so that it can be copied
  const at = /: (regraft [^;()]+)$/.exec(line)?.[1]?.length ?? 0
  const text = line.slice(0, line.length - at).trimStart()
  const parts = [...text.matchAll(words)].map(([, space = '', word = '']) => ({ space, word }))
  const command = at > 0 ? [{ space: ' ', word: line.slice(-at) }] : []
  for (const { space, word } of [...parts, ...command]) {
    const longer = current + space + word
    if (columns(longer) <= width || current.trim() === '') current = longer
    else {
      lines.push(current)
      current = rest + word
    }
  }
  return [...lines, current]
}
