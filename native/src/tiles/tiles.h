// Tiles of 16 rows of 64 bytes, and the product of two of them: AMX's, or the same sums in plain C++.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>

#include "bfloat16.h"

namespace regraft::tiles {

/// Rows of a tile, and its columns of four bytes: a float32, or two bfloat16 that are multiplied and added together.
constexpr int64_t side = 16;
/// What a product of tiles sums over: channels, or pixels.
constexpr int64_t depth = 2 * side;
constexpr int64_t rowBytes = 4 * side, tileBytes = side * rowBytes;

enum class Kind { none, portable, amx };

/// Which tiles this process has, or why none: REGRAFT_TILES=portable in the environment asks for those in plain C++.
struct Found {
  Kind kind;
  std::string why;
};
const Found &found();

#if defined(__AMX_TILE__) && defined(__AMX_BF16__)
#define REGRAFT_AMX 1

/// This thread's tile registers, from construction to destruction. A tile's number is 0 to 7.
class AmxTiles {
 public:
  AmxTiles() {
    struct alignas(64) {
      uint8_t palette = 1, start = 0, reserved[14] = {};
      uint16_t bytes[16] = {};
      uint8_t rows[16] = {};
    } configuration;
    for (int i = 0; i < 8; i++) {
      configuration.bytes[i] = rowBytes;
      configuration.rows[i] = side;
    }
    asm volatile("ldtilecfg %0" : : "m"(configuration));
  }
  ~AmxTiles() { asm volatile("tilerelease"); }
  AmxTiles(const AmxTiles &) = delete;
  AmxTiles &operator=(const AmxTiles &) = delete;

  template <int Tile>
  void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(Tile));
  }
  /// @param stride bytes from row to row
  template <int Tile>
  void load(const void *from, int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(Tile) : "memory");
  }
  template <int Tile>
  void store(void *to, int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(Tile) : "memory");
  }
  /// sums[i][j] += for each k: a[i][2k] b[k][2j] + a[i][2k + 1] b[k][2j + 1]
  template <int Sums, int A, int B>
  void multiply() {
    asm volatile("tdpbf16ps %%tmm%c0, %%tmm%c1, %%tmm%c2" : : "i"(B), "i"(A), "i"(Sums));
  }
};
#endif

/// The same in plain C++, for CPUs without AMX: every kernel can be tested everywhere.
class PortableTiles {
 public:
  template <int Tile>
  void zero() {
    memset(tiles_[Tile], 0, tileBytes);
  }
  template <int Tile>
  void load(const void *from, int64_t stride) {
    for (int64_t row = 0; row < side; row++) memcpy(tiles_[Tile] + row * rowBytes, static_cast<const char *>(from) + row * stride, rowBytes);
  }
  template <int Tile>
  void store(void *to, int64_t stride) {
    for (int64_t row = 0; row < side; row++) memcpy(static_cast<char *>(to) + row * stride, tiles_[Tile] + row * rowBytes, rowBytes);
  }
  template <int Sums, int A, int B>
  void multiply() {
    float *sums = reinterpret_cast<float *>(tiles_[Sums]);
    const Bfloat16 *a = reinterpret_cast<const Bfloat16 *>(tiles_[A]), *b = reinterpret_cast<const Bfloat16 *>(tiles_[B]);
    for (int64_t i = 0; i < side; i++)
      for (int64_t k = 0; k < depth; k++)
        for (int64_t j = 0; j < side; j++) sums[i * side + j] += float(a[i * depth + k]) * float(b[k / 2 * depth + 2 * j + k % 2]);
  }

 private:
  alignas(64) char tiles_[8][tileBytes];
};

/// The instance of a kernel for the tiles that there are.
template <class F>
F forTiles(F amx, F portable) {
  return found().kind == Kind::amx ? amx : portable;
}
#if !defined(REGRAFT_AMX)
using AmxTiles = PortableTiles;
#endif

/// A row of a tile, or 16 pairs of bfloat16.
typedef uint32_t Words __attribute__((vector_size(rowBytes)));

/// Two blocks of 16 channels that stand one behind the other, as pairs of one of each.
inline Words pairs(const Bfloat16Lanes *two) {
  typedef uint16_t Shorts __attribute__((vector_size(rowBytes)));
  Shorts v;
  memcpy(&v, two, sizeof v);
  return (Words)__builtin_shufflevector(v, v, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/// Rows and columns change places.
inline void transpose(Words v[side]) {
#define REGRAFT_EXCHANGE(distance, ...)                    \
  for (int i = 0; i < side; i++)                           \
    if ((i & distance) == 0) {                             \
      const Words a = v[i], b = v[i + distance];           \
      v[i] = __builtin_shufflevector(a, b, __VA_ARGS__);
#define REGRAFT_WITH(distance, ...)                        \
      v[i + distance] = __builtin_shufflevector(a, b, __VA_ARGS__); \
    }
  REGRAFT_EXCHANGE(1, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
  REGRAFT_WITH(1, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31)
  REGRAFT_EXCHANGE(2, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
  REGRAFT_WITH(2, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
  REGRAFT_EXCHANGE(4, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
  REGRAFT_WITH(4, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)
  REGRAFT_EXCHANGE(8, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
  REGRAFT_WITH(8, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#undef REGRAFT_EXCHANGE
#undef REGRAFT_WITH
}

}  // namespace regraft::tiles
