/** Writing CSV (RFC 4180). */

/** A field, quoted where it needs it. */
export const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
