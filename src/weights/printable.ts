/** Text from files of others, fit to be shown. */

/** At most 200 characters, without those that could move a terminal's cursor or hide what is written. */
export const printable = (text: string): string => text.slice(0, 200).replace(/\p{C}/gu, '\u{fffd}')
