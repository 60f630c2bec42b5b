#include "tileRaster.h"

#include <algorithm>

namespace regraft::tiles {

void fill(const Raster &r, const Bfloat16Lanes *plane, Bfloat16Lanes *to, int64_t pitch) {
  const Bfloat16Lanes zero{};
  // Columns [first, end) lie inside the plane.
  const int64_t first = std::min(r.columns, (std::max<int64_t>(r.left, 0) + r.columnStep - 1) / r.columnStep);
  const int64_t end = std::clamp((r.width + r.left + r.columnStep - 1) / r.columnStep, first, r.columns);
  for (int64_t i = 0; i < r.rows; i++, to += r.columns * pitch) {
    const int64_t y = i * r.rowStep - r.top;
    const bool inside = y >= 0 && y < r.height;
    const int64_t from = inside ? first : r.columns, until = inside ? end : r.columns;
    for (int64_t j = 0; j < from; j++) to[j * pitch] = zero;
    const Bfloat16Lanes *row = plane + y * r.width - r.left;
    for (int64_t j = from; j < until; j++) to[j * pitch] = row[j * r.columnStep];
    for (int64_t j = until; j < r.columns; j++) to[j * pitch] = zero;
  }
}

}  // namespace regraft::tiles
