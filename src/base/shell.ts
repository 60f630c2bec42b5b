/** What a person may copy into a shell: names of theirs, or of whoever made their files, are words and no commands. */

/** A word for a POSIX shell, quoted where it needs it. */
export const shellWord = (text: string): string =>
  /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** An option with its value, which may look like an option itself. */
export const shellOption = (flag: string, value: string): string =>
  `${flag}${value.startsWith('-') ? '=' : ' '}${shellWord(value)}`
