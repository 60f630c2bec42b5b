/** How many columns a text takes in a terminal. */

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const none = /[\p{Mn}\p{Me}\p{Cf}]/u

/** Chinese, Japanese and Korean characters take two columns, combining marks none. */
export const columns = (text: string): number =>
  [...text].reduce((sum, character) => sum + (none.test(character) ? 0 : wide.test(character) ? 2 : 1), 0)

/** The text, cut to that many columns with an ellipsis where it is longer. */
export function truncate(text: string, width: number): string {
  if (columns(text) <= width) return text
  let result = ''
  for (const character of text) {
    if (columns(result + character) > width - 1) break
    result += character
  }
  return `${result}…`
}
