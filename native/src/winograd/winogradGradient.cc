// The weight gradient of Winograd's convolution: both factors are transformed, multiplied over tiles, and transformed back.
#include <omp.h>

#include <algorithm>

#include "convolution/gathered.h"
#include "winograd/winograd.h"
#include "winograd/winogradProduct.h"
#include "winograd/winogradTiles.h"

namespace regraft::winograd {

namespace {

constexpr int area = taps * taps;
/// Tiles at a time: more of them share the way back, and need more of the cache.
constexpr int64_t mostTiles = 56;

/// Groups of blocks of outputs that are multiplied at a time.
int64_t groups(const Shape &s) { return (s.outBlocks + wide - 1) / wide; }

struct Part {
  int64_t tiles, inputStep, changeStep;

  Part(const Shape &s) {
    const int64_t count = s.grid.count(), parts = (count + mostTiles - 1) / mostTiles;
    tiles = (count + parts - 1) / parts;
    inputStep = (s.in.blocks * tiles) | 1;
    changeStep = (groups(s) * wide * tiles) | 1;
  }
};

/// Adds to, or writes, the weights from one block of inputs to a group of outputs.
void addWeights(const Shape &s, const Lanes *sums, int64_t in, int64_t group, bool add, Lanes *dw) {
  for (int w = 0; w < wide && group * wide + w < s.outBlocks; w++) {
    Lanes *to = dw + ((group * wide + w) * s.in.blocks + in) * area * block;
    for (int c = 0; c < block; c++) {
      Lanes made[area];
      inBothDirections<reach, taps, toWeightGradient>(sums + c * wide + w, {reach * block * wide, block * wide}, made, {taps, 1});
      for (int tap = 0; tap < area; tap++) to[tap * block + c] = add ? to[tap * block + c] + made[tap] : made[tap];
    }
  }
}

template <class Pixel>
void gather(const Shape &s, const Part &part, const Pixel *x, const Pixel *dy, Lanes *scratch, bool add, Lanes *dw) {
  const int64_t count = s.grid.count(), outPixels = s.grid.height * s.grid.width;
  Lanes *changes = scratch + values * part.inputStep;
#pragma omp parallel
  {
    Lanes *sums = changes + values * part.changeStep + omp_get_thread_num() * values * block * wide;
    for (int64_t first = 0; first < count; first += part.tiles) {
      const int64_t some = std::min(part.tiles, count - first);
      transformInputs(s, x, first, some, scratch, part.tiles, part.inputStep);
#pragma omp for collapse(2) schedule(static)
      for (int64_t b = 0; b < groups(s) * wide; b++)
        for (int64_t t = 0; t < some; t++) {
          Lanes *to = changes + (b / wide * part.tiles + t) * wide + b % wide;
          if (b >= s.outBlocks) {
            for (int value = 0; value < values; value++) to[value * part.changeStep] = Lanes{};
            continue;
          }
          const auto place = s.grid.at(first + t);
          Lanes copy[tile * tile];
          const auto window = windowAt<tile>(dy + (place.image * s.outBlocks + b) * outPixels, s.grid.height, s.grid.width, place.row, place.column, copy);
          inBothDirections<tile, reach, ofOutputGradient>(window.first, window.steps, to, {reach * part.changeStep, part.changeStep});
        }
#pragma omp for collapse(2) schedule(static)
      for (int64_t group = 0; group < groups(s); group++)
        for (int64_t in = 0; in < s.in.blocks; in++) {
          for (int value = 0; value < values; value++)
            multiplyTiles(scratch + value * part.inputStep + in * part.tiles, changes + value * part.changeStep + group * part.tiles * wide, some, sums + value * block * wide);
          addWeights(s, sums, in, group, add || first > 0, dw);
        }
    }
  }
}

template <class Pixel>
Step gradient(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), dw = op.out(0);
  const Shape s(c, op, x, dw, dy);
  const Part part(s);
  c.wantScratch(values * (part.inputStep + part.changeStep + c.team() * block * wide) * sizeof(Lanes));
  const int64_t lanes = s.outBlocks * s.in.blocks * area * block;
  const Gathered gathered(c, lanes * block, dw);
  const auto run = [=, &c] {
    const auto &own = Context::part();
    gather(s, part, reinterpret_cast<const Pixel *>(c.data(x)), reinterpret_cast<const Pixel *>(c.data(dy)), reinterpret_cast<Lanes *>(c.scratch()), !own.first, reinterpret_cast<Lanes *>(gathered.of(own.thread)));
  };
  return {run, nullptr, [=] { gathered.join(); }};
}

}  // namespace

Step weightGradient(Context &c, const Operation &op) { return either<gradient<Lanes>, gradient<Bfloat16Lanes>>(c, op); }

}  // namespace regraft::winograd
