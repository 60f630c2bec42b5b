/** Text from data, fit to be shown in a report: what cannot be seen, or reorders what can, is replaced. */

/** Control characters, but not line ends and tabs; and those that change the direction of the text around them. */
const unseen = /[\p{Cc}\u202a-\u202e\u2066-\u2069\u200e\u200f\ufeff]/gu

export const visible = (text: string): string =>
  text.replace(unseen, character => (character === '\n' || character === '\t' ? character : '\u{fffd}'))
