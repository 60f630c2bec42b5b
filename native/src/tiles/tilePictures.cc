#include "tiles/tilePictures.h"

#include <stdexcept>

#include "tiles/tiles.h"

namespace regraft::tiles {

Windows::Windows(const Context &c, const Operation &op, int x, int w, int y, int64_t wide) {
  const auto pictures = c.dims(x), weights = c.dims(w), outputs = c.dims(y);
  batch = pictures[0];
  channels = pictures[1];
  height = pictures[2];
  width = pictures[3];
  kernelHeight = weights[2];
  kernelWidth = weights[3];
  rowStep = op.integer("stride", 0);
  columnStep = op.integer("stride", 1);
  top = op.integer("padding", 0);
  left = op.integer("padding", 1);
  rows = outputs[2] + (kernelHeight - 1) / rowStep;
  columns = wide + (kernelWidth - 1) / columnStep;
  if (!seesPictures(c, x, w) || c.value(y).precision != Precision::bfloat16) throw std::runtime_error("'" + op.kernel + "' reads no pictures that tiles can see");
}

bool seesPictures(const Context &c, int x, int w) {
  const auto weights = c.dims(w);
  return c.value(x).layout == Layout::plain && c.value(x).precision == Precision::bfloat16 && weights[1] * weights[3] <= depth;
}

void packPicture(const Windows &s, const Bfloat16 *picture, char *to) {
  memset(to, 0, s.pictureBytes());
  const int64_t wide = s.columns * s.columnStep, first = std::max<int64_t>(s.left, 0), end = std::min(wide, s.width + s.left);
  auto *row = reinterpret_cast<Bfloat16 *>(to);
  for (int64_t phase = 0; phase < s.phases(); phase++)
    for (int64_t i = 0; i < s.rows; i++, row += wide * s.channels) {
      const int64_t y = i * s.rowStep + phase - s.top;
      if (y < 0 || y >= s.height) continue;
      for (int64_t channel = 0; channel < s.channels; channel++) {
        const Bfloat16 *from = picture + (channel * s.height + y) * s.width - s.left;
        for (int64_t j = first; j < end; j++) row[j * s.channels + channel].bits = from[j].bits;
      }
    }
}

}  // namespace regraft::tiles
