#include "winograd/winogradProduct.h"

#include <algorithm>
#include <utility>

#include "plan/plan.h"

namespace regraft::winograd {

namespace {

/// Channels are summed by so many blocks and then the sums of those, which halves the rounding error.
constexpr int64_t blocksAtOnce = 2;

template <int R>
void multiplyRows(const Lanes *v, int64_t blockStep, int64_t blocks, const Lanes *u, Lanes *m) {
  for (int64_t first = 0; first < blocks; first += blocksAtOnce) {
    Lanes sums[R][wide] = {};
    for (int64_t at = first; at < std::min(blocks, first + blocksAtOnce); at++) {
      const float *from = reinterpret_cast<const float *>(v + at * blockStep);
#pragma GCC unroll 2
      for (int c = 0; c < block; c++, u += wide) {
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
          const float x = from[r * block + c];
#pragma GCC unroll 2
          for (int w = 0; w < wide; w++) sums[r][w] += x * u[w];
        }
      }
    }
    for (int r = 0; r < R; r++)
      for (int w = 0; w < wide; w++) m[r * wide + w] = first == 0 ? sums[r][w] : m[r * wide + w] + sums[r][w];
  }
}

using Rows = decltype(&multiplyRows<1>);

struct Table {
  Rows by[rows];
};

template <size_t... Index>
constexpr Table table(std::index_sequence<Index...>) {
  return {{multiplyRows<Index + 1>...}};
}

constexpr Table instances = table(std::make_index_sequence<rows>());

}  // namespace

void multiply(const Lanes *v, int64_t blockStep, int64_t blocks, int64_t count, const Lanes *u, Lanes *m) {
  inParts(count, [&](int64_t first, int64_t some) { instances.by[some - 1](v + first, blockStep, blocks, u, m + first * wide); });
}

void multiplyTiles(const Lanes *v, const Lanes *z, int64_t count, Lanes *sums) {
  for (int first = 0; first < block; first += channelsAtOnce) {
    const float *from = reinterpret_cast<const float *>(v) + first;
    Lanes own[channelsAtOnce][wide] = {};
    for (int64_t t = 0; t < count; t++) {
#pragma GCC unroll 8
      for (int c = 0; c < channelsAtOnce; c++)
#pragma GCC unroll 2
        for (int w = 0; w < wide; w++) own[c][w] += from[t * block + c] * z[t * wide + w];
    }
    for (int c = 0; c < channelsAtOnce; c++)
      for (int w = 0; w < wide; w++) sums[(first + c) * wide + w] = own[c][w];
  }
}

}  // namespace regraft::winograd
