/** The files that a list of labels means: those it names, or those it names without their extension. */
import { readdir, stat } from 'node:fs/promises'
import { dirname, extname, posix, resolve } from 'node:path'
import { forEachBounded } from '../bounded.js'
import { hasImageExtension } from '../decode/imageFormat.js'

const OPEN_FILES = 32

/**
 * For each path that is given the file that is meant, or the candidates where that is not plain.
 * @param paths relative to the root, with '/'
 */
export async function labelFiles(root: string, paths: readonly string[]): Promise<(string | readonly string[])[]> {
  const found = new Array<string | readonly string[]>(paths.length)
  const folders = new Map<string, Promise<ReadonlyMap<string, readonly string[]>>>()
  await forEachBounded(paths, OPEN_FILES, async (path, index) => {
    const there = await stat(resolve(root, path)).catch(() => undefined)
    if (there?.isFile()) found[index] = path
    else if (hasImageExtension(path)) found[index] = []
    else {
      const folder = dirname(path)
      const names = folders.get(folder) ?? namesWithoutExtension(resolve(root, folder))
      folders.set(folder, names)
      const fitting = ((await names).get(posix.basename(path)) ?? []).map(name => posix.join(folder, name))
      found[index] = fitting.length === 1 ? fitting[0]! : fitting
    }
  })
  return found
}

/** The images in a folder, by their names without extension. */
async function namesWithoutExtension(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const byStem = new Map<string, string[]>()
  for (const name of await readdir(folder).catch(() => [])) {
    if (!hasImageExtension(name)) continue
    const stem = name.slice(0, -extname(name).length)
    const others = byStem.get(stem)
    if (others === undefined) byStem.set(stem, [name])
    else others.push(name)
  }
  return byStem
}
