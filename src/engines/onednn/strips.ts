/** Groups kernels into strips: they run one after another on a few images at a time, so that what passes between them stays in the cache. */

import { type Draft, type DraftStrip, type DraftValue, once, type Parts } from './draft.js'
import { withRecomputed } from './recomputed.js'

/** Kernels that can work on some of the images at a time; sums and weight gradients are gathered from strip to strip. */
const perImage = new Set([
  'toBlocked',
  'toBfloat16',
  'conv2d',
  'conv2dInputGradient',
  'conv2dWeightGradient',
  'depthwise',
  'depthwiseGradients',
  'normSums',
  'normApply',
  'normGradientSums',
  'normGradientApply',
  'maxPool',
  'maxPoolGradient',
  'add',
  'relu',
  'relu6',
  'reluGradient',
  'relu6Gradient',
])
/** Kernels that can work on some of an image's pixels, besides products of pixels and channels. */
const perPixel = new Set(['normSums', 'normApply', 'normGradientSums', 'normGradientApply', 'add'])
/** Pixels that a part takes at most where it need not be whole images: with their channels they stay in the nearest caches. */
const mostPixels = 224
const updates = new Set(['sgd', 'adamW', 'blend', 'runningStatistics'])

/** What a thread may touch at a time: small enough for common CPUs' caches, and the same on all, as results follow it. */
export const cacheBytes = 2 * 2 ** 20

/** The number of images that a kernel's values count, if it can work on some of them. */
function batchOf({ kernel, inputs, outputs }: Draft, values: ReadonlyMap<string, DraftValue>): number | undefined {
  if (!perImage.has(kernel)) return undefined
  const images = [...inputs, ...outputs].flatMap(name => values.get(name) ?? []).filter(({ batched }) => batched)
  // Elementwise kernels see no images in rows.
  if (
    !kernel.startsWith('conv2d') &&
    kernel !== 'toBlocked' &&
    kernel !== 'toBfloat16' &&
    images.some(({ layout, dims }) => layout === 'plain' && dims.length === 4)
  )
    return undefined
  const sizes = new Set(images.map(({ dims }) => dims[0] as number))
  return sizes.size === 1 ? [...sizes][0] : undefined
}

/**
 * Orders kernels and groups them. One that waits for what only a whole batch can give (statistics) ends a strip;
 * updates run as soon as nobody needs the old value or the gradient's memory any more.
 * @param bytesOf of a value
 * @param cache bytes that a thread may touch at a time
 */
export function strips(
  operations: readonly Draft[],
  values: ReadonlyMap<string, DraftValue>,
  bytesOf: (value: DraftValue) => number,
  cache: number,
  threads: number,
): DraftStrip[] {
  const result: DraftStrip[] = []
  let open: Draft[] = []
  let batch = 0
  let waiting: Draft[] = []
  const alone = (list: readonly Draft[]) =>
    result.push(...list.map(operation => ({ operations: [operation], ...once })))
  const close = () => {
    if (open.length > 0) result.push({ operations: open, ...partsOf(open, batch, values, bytesOf, cache, threads) })
    alone(waiting)
    open = []
    waiting = []
  }
  /** Whether the weights of the strip's convolutions and this one's would fill the cache, at every part of the strip. */
  const crowds = (operation: Draft, strip: readonly Draft[]) => {
    const convolutions = [...strip, operation].filter(({ kernel }) => kernel === 'conv2d')
    if (operation.kernel !== 'conv2d' || convolutions.length < 2) return false
    const weights = convolutions.map(({ inputs }) => values.get(inputs[1] as string))
    return weights.reduce((sum, value) => sum + (value ? bytesOf(value) : 0), 0) > cache
  }
  const read = new Set(operations.flatMap(({ inputs }) => inputs))
  const isLast = ({ kernel, outputs }: Draft) => updates.has(kernel) && !outputs.some(name => read.has(name))
  const later = operations.filter(isLast)
  const isAgain = ({ outputs: [y = ''] }: Draft) => values.get(y)?.recomputes !== undefined
  for (const operation of operations) {
    if (isLast(operation) || isAgain(operation)) continue
    const own = batchOf(operation, values)
    if (own === undefined) {
      waiting.push(operation)
      continue
    }
    const whole = new Set([
      ...waiting.flatMap(({ outputs }) => outputs),
      ...open.flatMap(({ outputs }) => outputs).filter(name => !values.get(name)?.batched),
    ])
    const waits = operation.inputs.some(name => name && whole.has(name))
    if (waits || (open.length > 0 && (own !== batch || crowds(operation, open)))) close()
    batch = own
    open.push(operation)
  }
  close()
  return withUpdates(withRecomputed(result, operations.filter(isAgain), values), later)
}

/** In how many equal pieces of pixels, not too small ones, images can be cut for products of pixels and channels and what stands around them. */
function piecesOf(operations: readonly Draft[], images: readonly DraftValue[]): number {
  const isProduct = ({ numbers }: Draft) => numbers.pointwise !== undefined
  if (!operations.some(isProduct) || !operations.every(one => isProduct(one) || perPixel.has(one.kernel))) return 1
  const planes = new Set(images.flatMap(({ dims: [, , height, width] }) => (height && width ? [height * width] : [])))
  const [pixels = 0] = planes
  if (planes.size !== 1) return 1
  let pieces = Math.ceil(pixels / mostPixels)
  while (pixels % pieces !== 0) pieces++
  return pixels / pieces < mostPixels / 4 ? 1 : pieces
}

/** The largest number of images that divides a thread's share of the batch and fits the cache, or pieces of images. */
function partsOf(
  operations: readonly Draft[],
  batch: number,
  values: ReadonlyMap<string, DraftValue>,
  bytesOf: (value: DraftValue) => number,
  cache: number,
  threads: number,
): Parts {
  const touched = [...new Set(operations.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]))]
  const sum = (list: DraftValue[]) => list.reduce((total, value) => total + bytesOf(value), 0)
  const present = touched.flatMap(name => values.get(name) ?? [])
  const images = present.filter(({ batched }) => batched)
  const perImage = sum(images) / batch
  // Every part reads or adds to the weights: where they are large, a part has to be worth it.
  const weights = sum(present.filter(({ layout }) => layout === 'weights'))
  const wanted = Math.max(1, Math.floor(Math.max(cache, weights) / perImage))
  const apart = threads > 1 && batch % threads === 0
  const share = apart ? batch / threads : batch
  const fits = share * perImage <= Math.max(cache, weights)
  const pieces = !fits && (apart || threads === 1) ? piecesOf(operations, images) : 1
  if (pieces > 1) return { images: 1, pieces, times: batch * pieces, apart }
  let together = Math.min(share, wanted)
  while (share % together !== 0) together--
  // A share without fitting divisors is worked on whole rather than in crumbs.
  if (together * 4 < Math.min(share, wanted)) together = share
  return { images: together, pieces: 1, times: batch / together, apart }
}

/** Puts each update behind the last strip that reads what it overwrites or computes what it needs. */
function withUpdates(groups: readonly DraftStrip[], later: readonly Draft[]): DraftStrip[] {
  const last = new Map<string, number>()
  groups.forEach((strip, at) => {
    for (const { inputs, outputs } of strip.operations) for (const name of [...inputs, ...outputs]) last.set(name, at)
  })
  const behind = new Map<number, DraftStrip[]>()
  for (const operation of later) {
    const at = Math.max(-1, ...operation.inputs.map(name => last.get(name) ?? -1))
    behind.set(at, [...(behind.get(at) ?? []), { operations: [operation], ...once }])
  }
  return [...(behind.get(-1) ?? []), ...groups.flatMap((strip, at) => [strip, ...(behind.get(at) ?? [])])]
}
