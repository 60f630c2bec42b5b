// Pictures, whose few channels stand pixel by pixel: what a row of the kernel sees is one row of a tile.
#pragma once
#include "plan/context.h"

namespace regraft::tiles {

/// How a convolution reads pictures: rows of one phase of its stride, position by position, as far apart as columns are.
struct Windows {
  int64_t batch, channels, height, width;
  int64_t kernelHeight, kernelWidth, rowStep, columnStep, top, left;
  /// Rows of a phase, and positions in each.
  int64_t rows, columns;

  /// @param x, w, y indices of pictures, weights and outputs, or of gradients
  /// @param wide positions in a row, of which those beyond the outputs see whatever is there
  Windows(const Context &c, const Operation &op, int x, int w, int y, int64_t wide);
  int64_t phases() const { return rowStep < kernelHeight ? rowStep : kernelHeight; }
  int64_t positionBytes() const { return columnStep * channels * static_cast<int64_t>(sizeof(Bfloat16)); }
  int64_t phaseBytes() const { return rows * columns * positionBytes(); }
  /// What a window sees beyond the end is zero, too.
  int64_t pictureBytes() const { return (phases() * phaseBytes() + 4096) / 64 * 64; }
  /// Bytes to what a kernel's row sees from the first position.
  int64_t offset(int64_t row) const { return row % rowStep * phaseBytes() + row / rowStep * columns * positionBytes(); }
};

/// Whether tiles can compute a convolution of these pictures: a row of the kernel has to fit a row of a tile.
bool seesPictures(const Context &c, int x, int w);

/// One picture, [channels][height][width], to [phases][rows][columns][columnStep][channels].
void packPicture(const Windows &windows, const Bfloat16 *picture, char *to);

}  // namespace regraft::tiles
