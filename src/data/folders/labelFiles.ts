/** The files that a list of labels means: those it names, or names without their extension. */
import { readdir, stat } from 'node:fs/promises'
import { extname, posix, resolve } from 'node:path'
import { forEachBounded } from '../bounded.js'
import { hasImageExtension } from '../decode/imageFormat.js'

const OPEN_FILES = 32

/**
 * For each path that is given the file that is meant, or the candidates where that is not plain. Meant is the only image
 * of that name, with an extension or with letters composed otherwise; others that differ in capitals are candidates.
 * @param paths relative to the root, with '/'
 */
export async function labelFiles(root: string, paths: readonly string[]): Promise<(string | readonly string[])[]> {
  const found = new Array<string | readonly string[]>(paths.length)
  const folders = new Map<string, Promise<Names>>()
  await forEachBounded(paths, OPEN_FILES, async (path, index) => {
    const there = await stat(resolve(root, path)).catch(() => undefined)
    if (there?.isFile()) {
      found[index] = path
      return
    }
    const folder = posix.dirname(path)
    const names = folders.get(folder) ?? namesIn(resolve(root, folder))
    folders.set(folder, names)
    const { same, alike } = await names
    const name = posix.basename(path).normalize('NFC')
    const within = (images: readonly string[] = []) => images.map(image => posix.join(folder, image))
    const fitting = within(same.get(name))
    found[index] =
      fitting.length === 1 ? fitting[0]! : fitting.length > 1 ? fitting : within(alike.get(name.toLowerCase()))
  })
  return found
}

/** The images in a folder by what a list may call them: with and without extension; and that in small letters. */
interface Names {
  readonly same: ReadonlyMap<string, readonly string[]>
  readonly alike: ReadonlyMap<string, readonly string[]>
}

async function namesIn(folder: string): Promise<Names> {
  const [same, alike] = [new Map<string, string[]>(), new Map<string, string[]>()]
  const add = (map: Map<string, string[]>, key: string, name: string) => {
    const others = map.get(key)
    if (others === undefined) map.set(key, [name])
    else others.push(name)
  }
  for (const name of await readdir(folder).catch(() => [])) {
    if (!hasImageExtension(name)) continue
    const whole = name.normalize('NFC')
    for (const called of [whole, whole.slice(0, -extname(whole).length)]) {
      add(same, called, name)
      add(alike, called.toLowerCase(), name)
    }
  }
  return { same, alike }
}
