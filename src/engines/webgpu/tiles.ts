/** How products are cut into tiles: which workgroup computes what, by class of device. */

/** A workgroup computes `rows` by `columns` of a product, a thread 4 `high` by 4 `wide` of those. */
export interface Tile {
  readonly rows: number
  readonly columns: number
  /** Of the sum, between two barriers. */
  readonly depth: number
  readonly high: number
  readonly wide: number
  /** Whether both factors pass through a workgroup's shared memory. */
  readonly shared: boolean
}

/** 'software' is a device that a CPU plays, to which a barrier is dear and memory is near. */
export type DeviceClass = 'discrete' | 'integrated' | 'software'

/** The largest first. All have at most 256 threads and 16 KiB of shared memory, which every device has. */
export const tiles: Readonly<Record<DeviceClass, readonly Tile[]>> = {
  discrete: [
    { rows: 128, columns: 128, depth: 16, high: 2, wide: 2, shared: true },
    { rows: 64, columns: 128, depth: 16, high: 2, wide: 1, shared: true },
    { rows: 64, columns: 64, depth: 16, high: 1, wide: 1, shared: true },
    { rows: 32, columns: 64, depth: 16, high: 1, wide: 1, shared: true },
    { rows: 16, columns: 64, depth: 16, high: 1, wide: 1, shared: true },
  ],
  integrated: [
    { rows: 64, columns: 64, depth: 16, high: 2, wide: 1, shared: true },
    { rows: 32, columns: 64, depth: 16, high: 1, wide: 1, shared: true },
    { rows: 16, columns: 64, depth: 16, high: 1, wide: 1, shared: true },
  ],
  software: [
    { rows: 8, columns: 128, depth: 1, high: 2, wide: 1, shared: false },
    { rows: 16, columns: 64, depth: 1, high: 2, wide: 1, shared: false },
    { rows: 32, columns: 32, depth: 1, high: 2, wide: 1, shared: false },
    { rows: 64, columns: 16, depth: 1, high: 2, wide: 1, shared: false },
  ],
}

/** Workgroups that a device needs at least, so that none of its cores waits. */
const enough: Readonly<Record<DeviceClass, number>> = { discrete: 264, integrated: 64, software: 1 }

/** Threads of a workgroup. */
export const threadsOf = ({ rows, columns, high, wide }: Tile): number => (rows * columns) / (16 * high * wide)

/** The tile that leaves the least of itself unused, the larger of equals, among those of which there are enough. */
export function tileFor(device: DeviceClass, rows: number, columns: number, products = 1): Tile {
  const candidates = tiles[device].map(tile => {
    const count = Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns)
    const used = (rows * columns) / (count * tile.rows * tile.columns)
    // A larger tile reads less: two thirds of a factor of two in area, by experience with such kernels.
    return { tile, filled: Math.min(1, (count * products) / enough[device]), used }
  })
  const best = Math.max(...candidates.map(({ filled, used }) => filled * used))
  return candidates.find(({ filled, used }) => filled * used >= 0.8 * best)!.tile
}
