/** What a person should hear of a folder that can be read: images that are not, and classes that are hidden or whose names are alike. */

import { join } from 'node:path'
import { shellOption } from '../../base/shell.js'
import { visibleLine } from '../../base/visible.js'
import { holdsNamedImages } from './imageFiles.js'

/** @param unread for each class, how many images of which formats are not read */
export function unreadWarnings(unread: ReadonlyMap<string, ReadonlyMap<string, number>>): string[] {
  return [...unread]
    .filter(([, formats]) => formats.size > 0)
    .map(([name, formats]) => {
      const counts = [...formats].map(([format, count]) => `${count} ${format}`).join(', ')
      return `class ${name} has images of formats that are not read (${counts}), which are left out; convert them to JPEG or PNG`
    })
    .map(visibleLine)
}

/** Folders with images that would be classes but for the dot before their names. @param hidden names of folders in `folder` */
export async function hiddenWarnings(folder: string, hidden: readonly string[]): Promise<string[]> {
  const told: string[] = []
  for (const name of hidden)
    if (await holdsNamedImages(join(folder, name)).catch(() => false))
      told.push(
        `${join(folder, name)} holds images and is passed over, since its name begins with a dot; rename it if it is a class, or pass ${shellOption('--exclude', name)}`,
      )
  return told.map(visibleLine)
}

/** Names that differ by nothing that a person sees: case, composed or decomposed letters, space around them. */
export function alikeWarnings(classes: readonly string[]): string[] {
  const alike = new Map<string, string[]>()
  for (const name of classes) {
    const key = keyOf(name)
    alike.set(key, [...(alike.get(key) ?? []), name])
  }
  const told = [...alike.values()]
    .filter(names => names.length > 1)
    .map(names => `the classes ${names.map(name => `'${name}'`).join(' and ')} ${difference(names)}; are they one?`)
  const spaced = classes.filter(name => name !== name.trim() && alike.get(keyOf(name))!.length === 1)
  return [
    ...told,
    ...classes
      .filter(name => name.replace(unseen, '') !== name)
      .map(
        name =>
          `the class '${name}' has characters in its name that are not seen (control characters, direction marks, spaces without width); rename it`,
      ),
    ...spaced.map(name => `the class '${name}' has a space at an end of its name; rename it if that is not meant`),
  ].map(visibleLine)
}

/** Joiners that make one sign of several are part of how people write. */
const unseen = /(?![\u200c\u200d])[\p{Cc}\p{Cf}]/gu

const keyOf = (name: string): string => name.replace(unseen, '').normalize('NFC').toLowerCase().trim()

function difference(names: readonly string[]): string {
  const differ = (same: (name: string) => string) => new Set(names.map(same)).size === 1
  if (differ(name => name.normalize('NFC'))) return 'look the same and are different names on the disk'
  if (differ(name => name.toLowerCase())) return 'differ in capital letters only'
  if (differ(name => name.trim())) return 'differ in spaces at the end only'
  if (differ(name => name.replace(unseen, ''))) return 'differ in characters that are not seen only'
  return 'differ in spaces, capital letters or the way letters are composed only'
}
