#include "tiles/tileRaster.h"

#include <algorithm>

namespace regraft::tiles {

namespace {

/// Calls `inside(position, pixel)` for positions inside the plane and `outside(position)` for the others, row by row.
template <class Inside, class Outside>
inline void visit(const Raster &r, Inside inside, Outside outside) {
  // Columns [first, end) lie inside the plane.
  const int64_t first = std::min(r.columns, (std::max<int64_t>(r.left, 0) + r.columnStep - 1) / r.columnStep);
  const int64_t end = std::clamp((r.width + r.left + r.columnStep - 1) / r.columnStep, first, r.columns);
  for (int64_t i = 0, at = 0; i < r.rows; i++, at += r.columns) {
    const int64_t y = i * r.rowStep - r.top, row = y * r.width - r.left;
    const bool within = y >= 0 && y < r.height;
    const int64_t from = within ? first : r.columns, until = within ? end : r.columns;
    for (int64_t j = 0; j < from; j++) outside(at + j);
    for (int64_t j = from; j < until; j++) inside(at + j, row + j * r.columnStep);
    for (int64_t j = until; j < r.columns; j++) outside(at + j);
  }
}

}  // namespace

void fill(const Raster &r, const Bfloat16Lanes *plane, Bfloat16Lanes *to) {
  visit(r, [=](int64_t at, int64_t pixel) { to[at] = plane[pixel]; }, [=](int64_t at) { to[at] = Bfloat16Lanes{}; });
}

void fillPairs(const Raster &r, const Bfloat16Lanes *plane, const Bfloat16Lanes *other, Bfloat16Lanes *to) {
  const auto outside = [=](int64_t at) { to[2 * at] = to[2 * at + 1] = Bfloat16Lanes{}; };
  if (other)
    visit(
        r,
        [=](int64_t at, int64_t pixel) {
          to[2 * at] = plane[pixel];
          to[2 * at + 1] = other[pixel];
        },
        outside);
  else
    visit(
        r,
        [=](int64_t at, int64_t pixel) {
          to[2 * at] = plane[pixel];
          to[2 * at + 1] = Bfloat16Lanes{};
        },
        outside);
}

}  // namespace regraft::tiles
