// The unit that own kernels compute with.
#pragma once
#include <cstddef>
#include <cstdint>
#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace regraft {

/// Channels that stand together: as many as oneDNN's kernels for this CPU want.
#if defined(__AVX512F__)
constexpr int64_t block = 16;
#else
constexpr int64_t block = 8;
#endif

/// One block of channels. The compiler turns it into the registers that the CPU has.
typedef float Lanes __attribute__((vector_size(4 * block), aligned(4 * block)));

/// Floats seen as what they consist of.
template <class T>
inline T *as(float *data) {
  return reinterpret_cast<T *>(data);
}

/// Begins to bring a pixel into the cache. Without the empty statement the compiler may take a call for one that does nothing.
inline void fetch(const void *pixel) {
  __builtin_prefetch(pixel, 0, 2);
  asm volatile("");
}

/// Writes past the cache, where whoever reads it comes too late to find it there. `arrived` waits until others can see it.
inline void writePast(Lanes *to, Lanes values) {
#if defined(__AVX512F__)
  _mm512_stream_ps(reinterpret_cast<float *>(to), (__m512)values);
#elif defined(__AVX__)
  _mm256_stream_ps(reinterpret_cast<float *>(to), (__m256)values);
#else
  *to = values;
#endif
}
inline void arrived() {
#if defined(__SSE__)
  _mm_sfence();
#endif
}
/// Whether so many bytes are more than the cache will hold until they are read again.
constexpr bool isMany(size_t bytes) { return bytes > (16 << 20); }

/// Rows (pixels or tiles) and blocks of columns (output channels) whose sums fill the CPU's registers.
#if defined(__AVX512F__)
constexpr int rows = 14, wide = 2;
#elif defined(__AVX__)
constexpr int rows = 6, wide = 2;
#else
constexpr int rows = 6, wide = 1;
#endif

/// Calls `f(first, some)` for all rows, so many at a time at most, in parts of equal size, as far as possible.
template <class F>
inline void inParts(int64_t count, F f) {
  int64_t parts = (count + rows - 1) / rows;
  for (int64_t first = 0; first < count; parts--) {
    const int64_t some = (count - first + parts - 1) / parts;
    f(first, some);
    first += some;
  }
}

/// Input channels for which a weight gradient's sums, by blocks of columns, fill the registers: a divisor of the block.
constexpr int channelsAtOnce = rows >= 8 ? 8 : rows >= 4 ? 4 : 2;

}  // namespace regraft
