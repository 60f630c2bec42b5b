/** From pairs to groups. */

/** Connected components of pairs, each ascending, ordered by their first member. */
export function connected(pairs: readonly { readonly a: number; readonly b: number }[]): number[][] {
  const parent = new Map<number, number>()
  const rootOf = (index: number): number => {
    let root = index
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root)) root = up
    parent.set(index, root)
    return root
  }
  for (const { a, b } of pairs) {
    const [p, q] = [rootOf(a), rootOf(b)]
    parent.set(Math.max(p, q), Math.min(p, q))
  }
  const groups = new Map<number, number[]>()
  for (const index of [...parent.keys()].sort((a, b) => a - b)) {
    const root = rootOf(index)
    const group = groups.get(root)
    if (group === undefined) groups.set(root, [index])
    else group.push(index)
  }
  return [...groups.values()]
}
