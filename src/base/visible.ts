/** Text from data, fit to be shown: what cannot be seen, reorders what can, or may not stand in XML is replaced. */

/**
 * Control characters, but not line ends and tabs; those that change the direction of the text around them; line and
 * paragraph separators; halves of characters, and code points that are none.
 */
const unseen =
  /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\u{e0000}-\u{e007f}]/gu

export const visible = (text: string): string =>
  text.replace(unseen, character => (character === '\n' || character === '\t' ? character : '\u{fffd}'))

/** `visible`, on one line. */
export const visibleLine = (text: string): string => visible(text).replace(/[\n\t]/g, '\u{fffd}')
