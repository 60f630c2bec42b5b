/** What is computed a second time in the backward pass: norms that gradients read, and what the recompute pass has made. */
import type { Draft, Drafting, DraftStrip, DraftValue } from './draft.js'

/**
 * Gradients have norms applied again right before they read their result, instead of storing it: what came before the
 * norm is read there anyway.
 */
export function applyNormsAgain({ values, operations }: Drafting): Draft[] {
  const norms = new Map(
    operations.flatMap(operation =>
      operation.kernel === 'normApply' && !operation.inputs[2] ? [[operation.outputs[0] as string, operation]] : [],
    ),
  )
  let copies = 0
  const result = operations.flatMap(operation => {
    if (!operation.kernel.includes('Gradient')) return [operation]
    const again: Draft[] = []
    const inputs = operation.inputs.map(name => {
      const norm = norms.get(name)
      if (!norm) return name
      const copy = `${name}.again${copies++}`
      values.set(copy, { ...(values.get(name) as DraftValue), name: copy, recomputes: undefined })
      again.push({ ...norm, outputs: [copy] })
      return copy
    })
    return [...again, { ...operation, inputs }]
  })
  // What the recompute pass has made for such a reader alone is not read any more.
  const read = new Set(result.flatMap(({ inputs }) => inputs))
  const unread = new Set(result.filter(({ outputs: [y = ''] }) => values.get(y)?.recomputes && !read.has(y)))
  for (const { outputs } of unread) values.delete(outputs[0] as string)
  return result.filter(operation => !unread.has(operation))
}

/**
 * Puts what is computed a second time before the strip that first reads it, in strips of its own: the others stay as
 * they are, and so do the sums that follow their parts. Parts are those of the first time.
 */
export function withRecomputed(
  groups: readonly DraftStrip[],
  again: readonly Draft[],
  values: ReadonlyMap<string, DraftValue>,
): DraftStrip[] {
  const stripOf = new Map<string, DraftStrip>()
  const readAt = new Map<string, number>()
  groups.forEach((group, at) => {
    for (const { inputs, outputs } of group.operations) {
      for (const name of inputs) if (!readAt.has(name)) readAt.set(name, at)
      for (const name of outputs) stripOf.set(name, group)
    }
  })
  const before = new Map<number, { readonly first: DraftStrip; readonly operations: Draft[] }[]>()
  let at = groups.length
  for (const operation of [...again].reverse()) {
    const [y = ''] = operation.outputs
    // What follows in the list may need it.
    at = Math.min(at, readAt.get(y) ?? at)
    const first = stripOf.get(values.get(y)?.recomputes ?? '') as DraftStrip
    const here = before.get(at) ?? []
    before.set(at, here)
    if (here[0]?.first === first) here[0].operations.unshift(operation)
    else here.unshift({ first, operations: [operation] })
  }
  return groups.flatMap((group, at) => [
    ...(before.get(at) ?? []).map(({ first, operations }) => ({ ...first, operations })),
    group,
  ])
}
