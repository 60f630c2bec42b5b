// Loops over pixels, in pieces that the compiler turns into vectors.
#include "pixels/pixels.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace regraft {

namespace {

constexpr int fraction = 22;
/// Rows that are resized together, and the numbers of each pixel there: red, green, blue, nothing.
constexpr size_t group = 4, channels = 4;

/// `count` weighted sums of bytes or of numbers; inputs of the same sum are `stride` apart.
template <size_t count, typename Number>
inline void weigh(const Number *from, size_t stride, const int32_t *weights, size_t length, uint8_t *to) {
  uint32_t sums[count];
  for (size_t i = 0; i < count; i++) sums[i] = 1u << (fraction - 1);
  for (size_t k = 0; k < length; k++, from += stride) {
    const uint32_t weight = static_cast<uint32_t>(weights[k]);
    for (size_t i = 0; i < count; i++) sums[i] += from[i] * weight;
  }
  for (size_t i = 0; i < count; i++) to[i] = static_cast<uint8_t>(std::clamp(static_cast<int32_t>(sums[i]) >> fraction, 0, 255));
}

/// `height` rows, from the first that is needed, each resized to columns.count pixels; what is behind a row's pixels is not set.
void horizontal(const uint8_t *pixels, size_t rowBytes, size_t height, const Taps &columns, uint8_t *out, size_t outBytes) {
  const size_t left = columns.first(0), width = columns.end() - left;
  const std::unique_ptr<uint32_t[]> wide(new uint32_t[width * group * channels]());
  for (size_t y = 0; y < height; y += group) {
    const size_t rows = std::min(group, height - y);
    for (size_t r = 0; r < rows; r++) {
      const uint8_t *from = pixels + (y + r) * rowBytes + left * 3;
      uint32_t *to = wide.get() + r * channels;
      for (size_t x = 0; x < width; x++, from += 3, to += group * channels)
        for (size_t c = 0; c < 3; c++) to[c] = from[c];
    }
    for (size_t x = 0; x < columns.count; x++) {
      uint8_t result[group * channels];
      weigh<group * channels>(wide.get() + (columns.first(x) - left) * group * channels, group * channels, columns.weights + x * columns.stride, columns.length(x), result);
      for (size_t r = 0; r < rows; r++) std::memcpy(out + (y + r) * outBytes + x * 3, result + r * channels, channels);
    }
  }
}

}  // namespace

void resample(const uint8_t *pixels, size_t rowBytes, const Taps &columns, const Taps &rows, uint8_t *out) {
  constexpr size_t piece = 64;
  const size_t top = rows.first(0), height = rows.end() - top, outBytes = columns.count * 3;
  // Whole pieces, and a byte for what is written behind the last pixel
  const size_t betweenBytes = (outBytes + piece) / piece * piece;
  const std::unique_ptr<uint8_t[]> between(new uint8_t[height * betweenBytes]);
  horizontal(pixels + top * rowBytes, rowBytes, height, columns, between.get(), betweenBytes);
  for (size_t y = 0; y < rows.count; y++, out += outBytes) {
    const uint8_t *from = between.get() + (rows.first(y) - top) * betweenBytes;
    for (size_t x = 0; x < outBytes; x += piece) {
      uint8_t result[piece];
      weigh<piece>(from + x, betweenBytes, rows.weights + y * rows.stride, rows.length(y), result);
      std::memcpy(out + x, result, std::min(piece, outBytes - x));
    }
  }
}

void normalise(const uint8_t *pixels, size_t size, bool flipped, const float *const tables[3], float *out) {
  const float *red = tables[0], *green = tables[1], *blue = tables[2];
  const size_t plane = size * size;
  const ptrdiff_t step = flipped ? -1 : 1;
  for (size_t y = 0; y < size; y++) {
    float *to = out + y * size + (flipped ? size - 1 : 0);
    for (size_t x = 0; x < size; x++, pixels += 3, to += step) {
      to[0] = red[pixels[0]];
      to[plane] = green[pixels[1]];
      to[2 * plane] = blue[pixels[2]];
    }
  }
}

void symmetric(const float *source, size_t stride, const float *kernel, size_t taps, float *out, size_t count) {
  constexpr size_t piece = 64;
  for (size_t first = 0; first < count; first += piece) {
    const size_t here = std::min(piece, count - first);
    const float *from = source + first;
    float sums[piece];
    for (size_t i = 0; i < here; i++) sums[i] = from[i] * kernel[0];
    for (size_t k = 1; k < taps; k += 2) {
      const double near = kernel[k], far = k + 1 < taps ? kernel[k + 1] : 0;
      const size_t a = k * stride, b = k + 1 < taps ? a + stride : a;
      for (size_t i = 0; i < here; i++) {
        // Products of single numbers are exact in double precision, so it does not matter where the compiler fuses them with sums.
        const float inner = from[i - a] + from[i + a], outer = from[i - b] + from[i + b];
        sums[i] = static_cast<float>(sums[i] + (inner * near + outer * far));
      }
    }
    std::memcpy(out + first, sums, here * sizeof *sums);
  }
}

}  // namespace regraft
