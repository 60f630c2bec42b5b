/** Writing CSV (RFC 4180) that a spreadsheet does not run, and reading such a field back. */

/**
 * What a spreadsheet takes for a formula (https://owasp.org/www-community/attacks/CSV_Injection), with the wide forms.
 * Apostrophes before it count as well: so a field that has one already is read back as it was.
 */
const formula = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/
const defused = /^'+[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/

/** A field of text: with an apostrophe before what would be a formula, and quoted where it needs it. */
export function csvField(text: string): string {
  const safe = formula.test(text) ? `'${text}` : text
  return safe !== text || /[",;\t\r\n]/.test(text) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The text of a field that `csvField` wrote, after a CSV reader has taken its quotes off. */
export const csvText = (field: string): string => (defused.test(field) ? field.slice(1) : field)
