// Weight gradients of the first convolution as products of tiles: what the kernel sees by positions, by what came back.
#include <omp.h>

#include <algorithm>

#include "convolution/gathered.h"
#include "tiles/tileConvolution.h"
#include "tiles/tilePictures.h"
#include "tiles/tiles.h"

namespace regraft::tiles {

namespace {

/// Rows of outputs at a time: what the kernel's rows see of them stays in the cache.
constexpr int64_t band = 16;

struct Seen {
  Windows windows;
  Context::Planes out;
  /// Tiles of 32 positions in a row of outputs.
  int64_t deep;

  Seen(const Context &c, const Operation &op, int x, int w, int y) : windows(c, op, x, w, y, (c.planes(y).width + depth - 1) / depth * depth), out(c.planes(y)), deep((out.width + depth - 1) / depth) {}
  /// Two tiles, of 16 of a window's numbers each, stand one behind the other.
  int64_t seenBytes() const { return windows.phases() * windows.rows * deep * 2 * tileBytes; }
  int64_t changeBytes() const { return out.blocks * out.height * deep * tileBytes; }
  int64_t sumsBytes() const { return windows.kernelHeight * out.blocks * 2 * tileBytes; }
  int64_t rowBytes() const { return deep * depth * static_cast<int64_t>(sizeof(Bfloat16Lanes)); }
};

/// A row of a phase: what 32 positions' windows hold, number by number.
void turnRow(const Seen &s, const char *row, char *to) {
  const int64_t step = s.windows.positionBytes();
  for (int64_t tile = 0; tile < s.deep; tile++)
    for (int64_t half = 0; half < 2; half++, to += tileBytes) {
      const char *from = row + tile * depth * step + half * tiles::rowBytes / 2;
      Words turned[side];
      for (int64_t i = 0; i < side; i++) {
        Bfloat16Lanes two[2 * side / block];
        memcpy(static_cast<void *>(two), from + 2 * i * step, tiles::rowBytes / 2);
        memcpy(reinterpret_cast<char *>(two) + tiles::rowBytes / 2, from + (2 * i + 1) * step, tiles::rowBytes / 2);
        turned[i] = pairs(two);
      }
      transpose(turned);
      memcpy(to, turned, tileBytes);
    }
}

/// A row of an output's gradient as pairs of positions; beyond its end there are zeros.
void interleaveRow(const Seen &s, const Bfloat16Lanes *row, Bfloat16Lanes *copy, char *to) {
  memcpy(static_cast<void *>(copy), row, s.out.width * sizeof *row);
  for (int64_t i = s.out.width; i < s.deep * depth; i++) copy[i] = Bfloat16Lanes{};
  for (int64_t i = 0; i < s.deep * side; i++) {
    const Words pair = pairs(copy + 2 * i);
    memcpy(to + i * tiles::rowBytes, &pair, sizeof pair);
  }
}

/// Adds what rows [first, end) of the outputs give to the sums of one row of the kernel and one block of outputs.
template <class Tiles>
void addRows(Tiles &tiles, const Seen &s, const char *seen, const char *changes, int64_t kernelRow, int64_t first, int64_t end, char *sums) {
  const Windows &w = s.windows;
  tiles.template load<0>(sums, tiles::rowBytes);
  tiles.template load<1>(sums + tileBytes, tiles::rowBytes);
  for (int64_t i = first; i < end; i++) {
    const char *a = seen + (kernelRow % w.rowStep * w.rows + i + kernelRow / w.rowStep) * s.deep * 2 * tileBytes, *b = changes + i * s.deep * tileBytes;
    for (int64_t tile = 0; tile < s.deep; tile++) {
      tiles.template load<4>(a + 2 * tile * tileBytes, tiles::rowBytes);
      tiles.template load<5>(a + (2 * tile + 1) * tileBytes, tiles::rowBytes);
      tiles.template load<6>(b + tile * tileBytes, tiles::rowBytes);
      tiles.template multiply<0, 4, 6>();
      tiles.template multiply<1, 5, 6>();
    }
  }
  tiles.template store<0>(sums, tiles::rowBytes);
  tiles.template store<1>(sums + tileBytes, tiles::rowBytes);
}

/// The sums of a window's numbers to the weights that they belong to: [blocks of outputs][taps][channels of a block][16].
void addWeights(const Seen &s, const char *sums, Lanes *dw) {
  const Windows &w = s.windows;
  for (int64_t row = 0; row < w.kernelHeight; row++)
    for (int64_t out = 0; out < s.out.blocks; out++)
      for (int64_t e = 0; e < w.kernelWidth * w.channels; e++) {
        const Lanes *from = reinterpret_cast<const Lanes *>(sums + (row * s.out.blocks + out) * 2 * tileBytes) + e;
        dw[((out * w.kernelHeight + row) * w.kernelWidth + e / w.channels) * side + e % w.channels] += *from;
      }
}

template <class Tiles>
void gather(const Seen &s, const Bfloat16 *x, const Bfloat16Lanes *dy, char *scratch, Lanes *dw) {
  const Windows &w = s.windows;
  char *const picture = scratch, *const seen = picture + w.pictureBytes(), *const changes = seen + s.seenBytes(), *const sums = changes + s.changeBytes(), *const copies = sums + s.sumsBytes();
  const int64_t wide = w.columns * w.positionBytes();
#pragma omp parallel
  {
    auto *copy = reinterpret_cast<Bfloat16Lanes *>(copies + omp_get_thread_num() * s.rowBytes());
    Tiles tiles;
    for (int64_t n = 0; n < w.batch; n++) {
#pragma omp single
      {
        packPicture(w, x + n * w.channels * w.height * w.width, picture);
        memset(sums, 0, s.sumsBytes());
      }
#pragma omp for schedule(static) nowait
      for (int64_t row = 0; row < w.phases() * w.rows; row++) turnRow(s, picture + row * wide, seen + row * s.deep * 2 * tileBytes);
#pragma omp for collapse(2) schedule(static)
      for (int64_t b = 0; b < s.out.blocks; b++)
        for (int64_t i = 0; i < s.out.height; i++) interleaveRow(s, dy + s.out.plane(n, b) + i * s.out.width, copy, changes + (b * s.out.height + i) * s.deep * tileBytes);
      for (int64_t first = 0; first < s.out.height; first += band) {
#pragma omp for collapse(2) schedule(static)
        for (int64_t row = 0; row < w.kernelHeight; row++)
          for (int64_t b = 0; b < s.out.blocks; b++)
            addRows(tiles, s, seen, changes + b * s.out.height * s.deep * tileBytes, row, first, std::min(first + band, s.out.height), sums + (row * s.out.blocks + b) * 2 * tileBytes);
      }
#pragma omp single
      addWeights(s, sums, dw);
    }
  }
}

}  // namespace

regraft::Step pictureGradient(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), dw = op.out(0);
  const Seen s(c, op, x, dw, dy);
  c.wantScratch(s.windows.pictureBytes() + s.seenBytes() + s.changeBytes() + s.sumsBytes() + c.team() * s.rowBytes());
  const int64_t floats = s.out.blocks * s.windows.kernelHeight * s.windows.kernelWidth * side * side;
  const Gathered gathered(c, floats, dw);
  const auto kernel = forTiles(gather<AmxTiles>, gather<PortableTiles>);
  const auto run = [=, &c] {
    const auto &own = Context::part();
    float *sums = gathered.of(own.thread);
    if (own.first) memset(sums, 0, floats * sizeof(float));
    kernel(s, as<Bfloat16>(c.data(x)), as<Bfloat16Lanes>(c.data(dy)), as<char>(c.scratch()), as<Lanes>(sums));
  };
  return {run, nullptr, [=] { gathered.join(); }};
}

}  // namespace regraft::tiles
