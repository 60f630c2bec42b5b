// Weight gradients as products of tiles: channels of the images by pixels, by pixels of what came back.
#include <omp.h>

#include <algorithm>
#include <vector>

#include "convolution/gathered.h"
#include "tiles/tileConvolution.h"
#include "tiles/tileRaster.h"
#include "tiles/tiles.h"

namespace regraft::tiles {

namespace {

/// Products of tiles that a sum should take before it goes back to memory.
constexpr int64_t enough = 32;

/// How images (channels by positions) and gradients of outputs (pairs of positions by channels) are copied, and how far
/// the taps reach.
struct Pixels {
  Shape s;
  std::vector<Raster> phases;
  Raster change;
  /// Tiles of 32 positions that an image's outputs take; positions of a channel with all that taps reach.
  int64_t deep, length;

  explicit Pixels(const Shape &shape) : s(shape) {
    for (int64_t r = 0; r < std::min(s.rowStep, s.kernelHeight); r++)
      for (int64_t c = 0; c < std::min(s.columnStep, s.kernelWidth); c++) phases.push_back({s.in.height, s.in.width, s.rows(), s.columns(), s.rowStep, s.columnStep, s.top - r, s.left - c});
    change = {s.out.height, s.out.width, s.out.height, s.columns(), 1, 1, 0, 0};
    deep = (change.positions() + depth - 1) / depth;
    const int64_t reach = deep * depth + (s.kernelHeight - 1) / s.rowStep * s.columns() + (s.kernelWidth - 1) / s.columnStep;
    length = (std::max(reach, s.rows() * s.columns()) + depth - 1) / depth * depth;
  }
  /// With one tap no tile begins between two others: each stands by itself, row after row. Else a channel's positions
  /// stand in a row, over an odd number of cache lines, so that a tile's rows do not all fall into the same few of them.
  bool apart() const { return s.area() == 1; }
  int64_t channelBytes() const { return apart() ? rowBytes : (length / depth | 1) * rowBytes; }
  int64_t stepBytes() const { return apart() ? tileBytes : rowBytes; }
  int64_t phaseBytes() const { return apart() ? length / depth * tileBytes : side * channelBytes(); }
  int64_t blockBytes() const { return static_cast<int64_t>(phases.size()) * phaseBytes(); }
  int64_t sourceBytes() const { return s.in.blocks * blockBytes(); }
  int64_t changeBytes() const { return s.out.blocks * deep * tileBytes; }
  /// A plane's copy between the two orders; each thread has one.
  int64_t rowsBytes() const { return length * static_cast<int64_t>(sizeof(Bfloat16Lanes)); }
  /// Bytes from an image's channels to what a tap reads.
  int64_t offset(int64_t tap) const {
    const int64_t r = tap / s.kernelWidth, c = tap % s.kernelWidth;
    const int64_t phase = r % s.rowStep * std::min(s.columnStep, s.kernelWidth) + c % s.columnStep;
    return phase * phaseBytes() + (r / s.rowStep * s.columns() + c / s.columnStep) * static_cast<int64_t>(sizeof(Bfloat16));
  }
};

/// Calls `f(tile, positions)` for each 32 positions of a raster; beyond its end there are zeros.
/// @param rows memory for all of them
template <class F>
void forEach(const Raster &raster, const Bfloat16Lanes *plane, Bfloat16Lanes *rows, int64_t tiles, F f) {
  // A plane as it is needs no copy but of what fills no tile.
  const int64_t whole = raster.same() ? raster.positions() / depth : 0;
  for (int64_t tile = 0; tile < whole; tile++) f(tile, plane + tile * depth);
  if (whole == tiles) return;
  if (raster.same()) memcpy(static_cast<void *>(rows), plane + whole * depth, raster.positions() % depth * sizeof *plane);
  else fill(raster, plane, rows);
  const int64_t left = raster.positions() - whole * depth, wanted = (tiles - whole) * depth;
  for (int64_t i = left; i < wanted; i++) rows[i] = Bfloat16Lanes{};
  for (int64_t tile = whole; tile < tiles; tile++) f(tile, rows + (tile - whole) * depth);
}

/// A block of an image's channels: [phases][16 channels][positions], or with one tap [tiles][16 channels][32 positions].
void turn(const Pixels &p, const Bfloat16Lanes *plane, Bfloat16Lanes *rows, char *to) {
  for (const Raster &raster : p.phases) {
    forEach(raster, plane, rows, p.length / depth, [&](int64_t tile, const Bfloat16Lanes *from) {
      Words turned[side];
      for (int64_t i = 0; i < side; i++) turned[i] = pairs(from + 2 * i);
      transpose(turned);
      for (int64_t channel = 0; channel < side; channel++) memcpy(to + tile * p.stepBytes() + channel * p.channelBytes(), &turned[channel], rowBytes);
    });
    to += p.phaseBytes();
  }
}

/// A block of an output gradient's channels: [tiles][16 pairs of positions][16 channels][2].
void interleave(const Pixels &p, const Bfloat16Lanes *plane, Bfloat16Lanes *rows, char *to) {
  forEach(p.change, plane, rows, p.deep, [&](int64_t tile, const Bfloat16Lanes *from) {
    for (int64_t i = 0; i < side; i++) {
      const Words pair = pairs(from + 2 * i);
      memcpy(to + tile * tileBytes + i * rowBytes, &pair, rowBytes);
    }
  });
}

/// Adds to the gradients of I by O blocks' weights: [O][I] blocks of 16 x 16, `out` and `in` bytes apart.
template <class Tiles, int I, int O>
void add(Tiles &tiles, const Pixels &p, const char *x, const char *dy, int64_t images, char *dw, int64_t out, int64_t in) {
  const int64_t xBlock = p.blockBytes(), xStride = p.channelBytes(), xStep = p.stepBytes(), dyBlock = p.deep * tileBytes;
  tiles.template load<0>(dw, rowBytes);
  if (O > 1) tiles.template load<1>(dw + out, rowBytes);
  if (I > 1) tiles.template load<2>(dw + in, rowBytes);
  if (I > 1 && O > 1) tiles.template load<3>(dw + in + out, rowBytes);
  for (int64_t image = 0; image < images; image++, x += p.sourceBytes(), dy += p.changeBytes())
    for (int64_t tile = 0; tile < p.deep; tile++) {
      const char *a = x + tile * xStep, *b = dy + tile * tileBytes;
      tiles.template load<4>(a, xStride);
      tiles.template load<6>(b, rowBytes);
      tiles.template multiply<0, 4, 6>();
      if (I > 1) {
        tiles.template load<5>(a + xBlock, xStride);
        tiles.template multiply<2, 5, 6>();
      }
      if (O > 1) {
        tiles.template load<7>(b + dyBlock, rowBytes);
        tiles.template multiply<1, 4, 7>();
        if (I > 1) tiles.template multiply<3, 5, 7>();
      }
    }
  tiles.template store<0>(dw, rowBytes);
  if (O > 1) tiles.template store<1>(dw + out, rowBytes);
  if (I > 1) tiles.template store<2>(dw + in, rowBytes);
  if (I > 1 && O > 1) tiles.template store<3>(dw + in + out, rowBytes);
}

template <class Tiles>
void gather(const Pixels &p, const Bfloat16Lanes *x, const Bfloat16Lanes *dy, char *packed, char *dw) {
  const Shape &s = p.s;
  char *const changes = packed + s.in.batch * p.sourceBytes(), *const copies = changes + s.in.batch * p.changeBytes();
  // Of small images several go into a sum at a time.
  const int64_t together = std::clamp<int64_t>(enough / p.deep, 1, s.in.batch), area = s.area();
  const int64_t out = s.in.blocks * area * tileBytes, in = area * tileBytes;
#pragma omp parallel
  {
    auto *rows = reinterpret_cast<Bfloat16Lanes *>(copies + omp_get_thread_num() * p.rowsBytes());
#pragma omp for collapse(2) schedule(static) nowait
    for (int64_t n = 0; n < s.in.batch; n++)
      for (int64_t b = 0; b < s.in.blocks; b++)
        turn(p, x + s.in.plane(n, b), rows, packed + n * p.sourceBytes() + b * p.blockBytes());
#pragma omp for collapse(2) schedule(static)
    for (int64_t n = 0; n < s.in.batch; n++)
      for (int64_t b = 0; b < s.out.blocks; b++) interleave(p, dy + s.out.plane(n, b), rows, changes + n * p.changeBytes() + b * p.deep * tileBytes);
    Tiles tiles;
    for (int64_t n = 0; n < s.in.batch; n += together) {
      const int64_t images = std::min(together, s.in.batch - n);
#pragma omp for collapse(2) schedule(static)
      for (int64_t o = 0; o < s.out.blocks; o += 2)
        for (int64_t i = 0; i < s.in.blocks; i += 2) {
          const bool twoIn = i + 1 < s.in.blocks, twoOut = o + 1 < s.out.blocks;
          const auto one = twoIn && twoOut ? add<Tiles, 2, 2> : twoIn ? add<Tiles, 2, 1> : twoOut ? add<Tiles, 1, 2> : add<Tiles, 1, 1>;
          const char *from = packed + n * p.sourceBytes() + i * p.blockBytes();
          const char *change = changes + n * p.changeBytes() + o * p.deep * tileBytes;
          for (int64_t tap = 0; tap < area; tap++) one(tiles, p, from + p.offset(tap), change, images, dw + o * out + i * in + tap * tileBytes, out, in);
        }
    }
  }
}

}  // namespace

regraft::Step weightGradient(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), dw = op.out(0), team = c.team();
  if (c.value(x).layout == Layout::plain) return pictureGradient(c, op);
  const Pixels p(Shape(c, op, x, dw, dy));
  c.wantScratch(p.s.in.batch * (p.sourceBytes() + p.changeBytes()) + team * p.rowsBytes());
  const int64_t floats = p.s.out.blocks * p.s.in.blocks * p.s.area() * side * side;
  const Gathered gathered(c, floats, dw);
  const auto kernel = forTiles(gather<AmxTiles>, gather<PortableTiles>);
  const auto run = [=, &c] {
    const auto &own = Context::part();
    float *sums = gathered.of(own.thread);
    if (own.first) memset(sums, 0, floats * sizeof(float));
    kernel(p, as<Bfloat16Lanes>(c.data(x)), as<Bfloat16Lanes>(c.data(dy)), as<char>(c.scratch()), as<char>(sums));
  };
  return {run, nullptr, [=] { gathered.join(); }};
}

}  // namespace regraft::tiles
