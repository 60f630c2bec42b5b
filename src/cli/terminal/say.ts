/** The one place where text goes to the terminal: names in it may be anybody's, and none of their characters is obeyed. */
import { visible } from '../../base/visible.js'
import { wrapped } from './width.js'

/** Lines end between words where the stream is a terminal. */
const write = (stream: NodeJS.WriteStream, text: string): void =>
  void stream.write(stream.isTTY && stream.columns ? wrapped(visible(text), stream.columns) : visible(text))

/** To standard output. */
export const say = (text: string): void => write(process.stdout, text)

/** To standard error. */
export const warn = (text: string): void => write(process.stderr, text)

/** A line of JSON, which stands for the same value: what a terminal could obey is written as \\u and four digits. */
export const sayJson = (value: unknown): void =>
  void process.stdout.write(
    `${JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\ufffe\uffff]/gu, character =>
      Array.from(
        { length: character.length },
        (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
      ).join(''),
    )}\n`,
  )
