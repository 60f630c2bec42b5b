/** Why libvips does not decode a file, in words that help. */

/** @param message libvips' own */
export function reason(message: string, format: string): string {
  if (/premature|truncat|end of (file|input|stream)|unexpected eof|not enough data|read error/i.test(message)) {
    return `truncated ${format}`
  }
  const first = message.split('\n').find(line => line.trim() !== '') ?? message
  return `damaged ${format}: ${first.trim().slice(0, 120)}`
}
