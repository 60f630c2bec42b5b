// Numbers stored as bfloat16: float32 without its lower half, rounded to nearest, ties to even. Arithmetic is in float32.
#pragma once
#include <cstdint>
#include <cstring>

#include "lanes.h"
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace regraft {

/// One number.
struct Bfloat16 {
  uint16_t bits;

  operator float() const {
    const uint32_t word = static_cast<uint32_t>(bits) << 16;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
  }
  Bfloat16 &operator=(float value) {
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    const uint32_t rounded = (word + 0x7fff + ((word >> 16) & 1)) >> 16;
    // Rounding could carry a NaN's digits away.
    bits = static_cast<uint16_t>(value == value ? rounded : (word >> 16) | 0x40);
    return *this;
  }
};

/// A block of channels of one pixel.
struct Bfloat16Lanes {
  typedef uint16_t Shorts __attribute__((vector_size(2 * block)));
  typedef uint32_t Words __attribute__((vector_size(4 * block)));
  Shorts bits;

  operator Lanes() const { return (Lanes)(__builtin_convertvector(bits, Words) << 16); }
  Bfloat16Lanes &operator=(Lanes values) {
#if defined(__AVX512BF16__)
    bits = (Shorts)_mm512_cvtneps_pbh((__m512)values);
#else
    const Words words = (Words)values, rounded = (words + 0x7fff + ((words >> 16) & 1)) >> 16;
    bits = __builtin_convertvector(values == values ? rounded : (words >> 16) | 0x40, Shorts);
#endif
    return *this;
  }
};

/// Writes past the cache, as it is done in float32.
inline void writePast(Bfloat16Lanes *to, Lanes values) {
#if defined(__AVX512BF16__)
  _mm256_stream_si256(reinterpret_cast<__m256i *>(to), (__m256i)_mm512_cvtneps_pbh((__m512)values));
#else
  *to = values;
#endif
}

}  // namespace regraft
