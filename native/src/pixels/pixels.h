// Loops over 8-bit pixels that training images pass through; src/data/decode/pixelLoops.ts says what they compute.
#pragma once
#include <cstddef>
#include <cstdint>

namespace regraft {

/// Weights that make `count` pixels of many: each has `bounds[2i + 1]` of them for the inputs from `bounds[2i]` on.
struct Taps {
  const int32_t *bounds;
  /// `stride` for each output, with 22 bits of fraction.
  const int32_t *weights;
  size_t stride, count;

  size_t first(size_t i) const { return static_cast<size_t>(bounds[2 * i]); }
  size_t length(size_t i) const { return static_cast<size_t>(bounds[2 * i + 1]); }
  /// Behind the last input.
  size_t end() const { return first(count - 1) + length(count - 1); }
};

/// Resizes RGB pixels, first each row and then each column, as PIL does. The inputs of rows and columns ascend.
/// `pixels` is where the column 0 and row 0 that taps speak of meet; `out` takes rows.count * columns.count * 3 bytes.
void resample(const uint8_t *pixels, size_t rowBytes, const Taps &columns, const Taps &rows, uint8_t *out);

/// Writes RGB pixels channels first, each byte as the number that its channel's table of 256 has for it.
void normalise(const uint8_t *pixels, size_t size, bool flipped, const float *const tables[3], float *out);

/// out[i] = the sum over k of kernel[k] * (source[i - k * stride] + source[i + k * stride]), the middle once, in single precision after every second k.
void symmetric(const float *source, size_t stride, const float *kernel, size_t taps, float *out, size_t count);

}  // namespace regraft
