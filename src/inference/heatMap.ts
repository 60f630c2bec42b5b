/** The numbers of a heat map: brought to the range from 0 to 1, and enlarged to the image they lie over. */

/** (x - min) / (max - min); all zeros where every value is the same. */
export function scaled(values: Float32Array): Float32Array {
  const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const lifted = values.map(value => value - least)
  const most = lifted.reduce((a, b) => Math.max(a, b), 0)
  return lifted.map(value => value / (1e-7 + most))
}

/**
 * A square map enlarged to `width` x `height` pixels, bilinearly between the centres of its cells (OpenCV's INTER_LINEAR,
 * PyTorch's align_corners=False), and brought back to the range from 0 to 1.
 */
export function enlarge(map: Float32Array, side: number, width: number, height: number): Float32Array {
  const along = (length: number) =>
    Array.from({ length }, (_, i) => {
      const at = Math.min(Math.max(((i + 0.5) * side) / length - 0.5, 0), side - 1)
      const first = Math.min(Math.floor(at), side - 1)
      return { first, second: Math.min(first + 1, side - 1), share: at - first }
    })
  const [columns, rows] = [along(width), along(height)]
  const result = new Float32Array(width * height)
  for (const [y, row] of rows.entries())
    for (const [x, column] of columns.entries()) {
      const between = (line: number) =>
        map[line * side + column.first]! * (1 - column.share) + map[line * side + column.second]! * column.share
      result[y * width + x] = between(row.first) * (1 - row.share) + between(row.second) * row.share
    }
  return scaled(result)
}
