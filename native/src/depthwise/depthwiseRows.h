// Rows of a depthwise convolution and of its gradients, from rings of rows that stay in the nearest cache.
#pragma once
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "depthwise/depthwisePlane.h"
#include "norm/normGradient.h"

namespace regraft {

/// The last few rows of a plane that is gone through from top to bottom, with zeros on all sides.
class Ring {
 public:
  /// @param rows that are kept, and the zeros above and below
  /// @param shift pixels by which `from` lies within a row
  struct Shape {
    int64_t rows, left, height, width, right, shift;
    int64_t step() const { return left + width + right; }
    int64_t places() const { return height + 2 * rows; }
    int64_t pixels() const { return (rows + 1) * step(); }
    /// Lanes of memory that it takes.
    int64_t lanes() const { return pixels() + (places() * static_cast<int64_t>(sizeof(Lanes *)) + static_cast<int64_t>(sizeof(Lanes)) - 1) / static_cast<int64_t>(sizeof(Lanes)); }
  };

  Ring(Lanes *at, const Shape &shape) : shape_(shape), from_(reinterpret_cast<const Lanes **>(at + shape.pixels())) {
    memset(static_cast<void *>(at), 0, shape.pixels() * sizeof(Lanes));
    for (int64_t i = 0; i < shape.places(); i++) {
      const int64_t row = i - shape.rows;
      from_[i] = at + (row < 0 || row >= shape.height ? shape.rows : row % shape.rows) * shape.step() + shape.shift;
    }
  }

  /// Where the pixels of a row belong.
  Lanes *inside(int64_t row) const { return const_cast<Lanes *>(from_[row + shape_.rows]) - shape_.shift + shape_.left; }
  /// This row and those that follow.
  const Lanes *const *from(int64_t row) const { return from_ + row + shape_.rows; }

 private:
  Shape shape_;
  const Lanes **from_;
};

/// How many pixels before it is read a pixel is fetched, while others are computed: many at once would have to wait.
inline int64_t ahead(int64_t width) { return std::max<int64_t>(8 * width, 512); }

/// A row of the input, which is already what the convolution wants.
template <class Pixel>
void fillInput(const Pixel *x, Lanes *to, int64_t width, const Scale *) {
  for (int64_t i = 0; i < width; i++) to[i] = x[i];
}

/// A row of the input from what the norm before the convolution was given.
template <Activation A, class Pixel>
void fillNormalised(const Pixel *x, Lanes *to, int64_t width, const Scale *given) {
  const Scale s = *given;
  for (int64_t i = 0; i < width; i++) to[i] = activate<A>((Lanes(x[i]) - s.mean) * s.scale + s.offset);
}

/// A row of the output's gradient.
template <class Pixel>
void fillChange(const Pixel *dy, const Pixel *, Lanes *to, int64_t width, const Scale *, const Means *) {
  fillInput(dy, to, width, nullptr);
}

/// A row of the output's gradient from that of what the norm after the convolution gave; `y` is the output.
template <Activation A, class Pixel>
void fillThroughNorm(const Pixel *dy, const Pixel *y, Lanes *to, int64_t width, const Scale *scale, const Means *means) {
  const Scale s = *scale;
  const Means taken = *means;
  for (int64_t i = 0; i < width; i++) to[i] = normGradient<A>(Lanes(dy[i]), Lanes(y[i]), s, taken);
}

/// Where pixels of a plane go that have been computed, and the sums of them that a norm wants.
template <class Pixel>
struct Sink {
  Pixel *to;
  /// What the norm before the convolution was given, and its scale.
  const Pixel *x;
  Scale scale;
  /// A row that is kept until the centre of the sums is known.
  Lanes *made;
  Lanes centre;
  Lanes first[2], second[2];
  Sums sums;
  int64_t pending;

  void begin(Pixel *plane, const Pixel *given) {
    to = plane;
    x = given;
    sums = Sums{};
    first[0] = first[1] = second[0] = second[1] = Lanes{};
    pending = 0;
  }
  /// Adds in double what has come together, after some hundred pixels.
  void added(int64_t count, int64_t most) {
    pending += count;
    if (pending <= most) return;
    sums.first += widen(first[0]) + widen(first[1]);
    sums.second += widen(second[0]) + widen(second[1]);
    first[0] = first[1] = second[0] = second[1] = Lanes{};
    pending = 0;
  }
  const Sums &end() {
    added(1, 0);
    return sums;
  }
};

/// Pixels that are added in single precision at most.
constexpr int64_t addedAtOnce = 448;

/// Takes pixels that have been computed: `count` of them, `step` apart from `first` on.
template <class Pixel>
using Take = void (*)(Sink<Pixel> &, int64_t first, int64_t step, int count, const Lanes *values);

template <class Pixel, bool Past>
inline void put(Pixel *to, Lanes value) {
  if constexpr (Past) writePast(to, value);
  else *to = value;
}

/// Keeps pixels.
template <class Pixel>
void keep(Sink<Pixel> &sink, int64_t first, int64_t step, int count, const Lanes *values) {
  for (int p = 0; p < count; p++) sink.made[first + p * step] = values[p];
}

/// What a pixel adds to the sums that a norm wants: itself to the first, and multiplied by a factor to the second.
struct Addend {
  Lanes value, factor;
};

/// Writes pixels, and adds up what `of` says that each gives.
template <bool Past, class Pixel, class F>
inline void writeAndAdd(Sink<Pixel> &sink, int64_t at, int64_t step, int count, const Lanes *values, F of) {
  // Two sums at a time, since one would wait for itself.
  Lanes first[2] = {sink.first[0], sink.first[1]}, second[2] = {sink.second[0], sink.second[1]};
  const auto one = [&](int p, int k) __attribute__((always_inline)) {
    const Addend added = of(p);
    first[k] += added.value;
    second[k] += added.value * added.factor;
    put<Pixel, Past>(sink.to + at + p * step, values[p]);
  };
  int p = 0;
  for (; p + 1 < count; p += 2) one(p, 0), one(p + 1, 1);
  if (p < count) one(p, 0);
  for (int k = 0; k < 2; k++) sink.first[k] = first[k], sink.second[k] = second[k];
  sink.added(count, addedAtOnce);
}

/// Writes pixels, and adds up how far they are from the centre.
template <class Pixel, bool Past>
void takeSpread(Sink<Pixel> &sink, int64_t at, int64_t step, int count, const Lanes *values) {
  const Lanes centre = sink.centre;
  writeAndAdd<Past>(sink, at, step, count, values, [&](int p) __attribute__((always_inline)) {
    const Lanes d = values[p] - centre;
    return Addend{d, d};
  });
}

/// Writes pixels of a gradient, and adds up what the norm before the convolution wants of them.
template <Activation A, class Pixel, bool Past>
void takeGradient(Sink<Pixel> &sink, int64_t at, int64_t step, int count, const Lanes *values) {
  const Scale s = sink.scale;
  writeAndAdd<Past>(sink, at, step, count, values, [&](int p) __attribute__((always_inline)) {
    const Lanes centred = Lanes(sink.x[at + p * step]) - s.mean;
    return Addend{pass<A>(values[p], centred * s.scale + s.offset), centred};
  });
}

/// Calls `f(constant, column)` for a row of pixels, with as many pixels at a time as there are registers for their sums.
template <class F>
inline void forColumns(int64_t width, F f) {
  int64_t column = 0;
  if constexpr (rows >= 14)
    for (; column + 14 <= width; column += 14) f(std::integral_constant<int, 14>(), column);
  for (; column + 7 <= width; column += 7) f(std::integral_constant<int, 7>(), column);
  for (; column + 2 <= width; column += 2) f(std::integral_constant<int, 2>(), column);
  if (column < width) f(std::integral_constant<int, 1>(), column);
}

/// A row of the convolution with stride S of K rows. Meanwhile pixels from `next` on are fetched, S S for each of the row's.
template <int K, int S, class Pixel>
void convolveRow(const Lanes *const *from, const Lanes *taps, int64_t width, int64_t first, Sink<Pixel> &sink, Take<Pixel> take, const Pixel *next) {
  forColumns(width, [&](auto some, int64_t column) __attribute__((always_inline)) {
    constexpr int T = decltype(some)::value;
    Lanes sums[T] = {};
    for (int k = 0; k < K; k++) {
      for (int p = 0; p < (T * S * S + K - 1) / K; p++) fetch(next++);
      const Lanes *window = from[k] + column * S;
      // Else the compiler keeps an address for each pixel, and too few registers for their sums.
      asm("" : "+r"(window));
#pragma GCC unroll 5
      for (int t = 0; t < K; t++) {
        const Lanes tap = taps[k * K + t];
#pragma GCC unroll 14
        for (int p = 0; p < T; p++) sums[p] += tap * window[p * S + t];
      }
    }
    Lanes made[T];
    for (int p = 0; p < T; p++) made[p] = sums[p];
    take(sink, first + column, 1, T, made);
  });
}

/// Adds to the sums of all taps what a row of the output's gradient gives. Meanwhile pixels from `next` and `other` on are fetched.
template <int K, int S, class Pixel>
void gradientRow(const Lanes *const *from, const Lanes *dy, int64_t width, Lanes *sums, const Pixel *next, const Pixel *other) {
  Lanes acc[K * K];
#pragma GCC unroll 25
  for (int k = 0; k < K * K; k++) acc[k] = Lanes{};
  for (int64_t column = 0; column < width; column++) {
    fetch(next + column);
    fetch(other + column);
    const Lanes d = dy[column];
#pragma GCC unroll 5
    for (int k = 0; k < K; k++)
#pragma GCC unroll 5
      for (int t = 0; t < K; t++) acc[k * K + t] += d * from[k][column * S + t];
  }
#pragma GCC unroll 25
  for (int k = 0; k < K * K; k++) sums[k] += acc[k];
}

/// A row of the input gradient for stride 2: of the taps those that meet its pixels.
/// @param from for each row of taps the output's gradient that it meets, beginning with its first pixel; null where none
template <int K, class Pixel>
void inputGradientRow(const Lanes *const *from, const Lanes *taps, int64_t left, int64_t width, int64_t first, Sink<Pixel> &sink, Take<Pixel> take, const Pixel *next) {
  for (int64_t odd = 0; odd < 2; odd++) {
    const int64_t t0 = (odd + left) % 2;
    forColumns((width - odd + 1) / 2, [&](auto some, int64_t column) __attribute__((always_inline)) {
      constexpr int T = decltype(some)::value;
      for (int p = 0; p < T; p++) fetch(next++);
      Lanes sums[T] = {};
      for (int k = 0; k < K; k++) {
        if (!from[k]) continue;
        for (int64_t t = t0; t < K; t += 2) {
          const Lanes tap = taps[k * K + t];
          const Lanes *window = from[k] + column + (odd + left - t) / 2;
#pragma GCC unroll 14
          for (int p = 0; p < T; p++) sums[p] += tap * window[p];
        }
      }
      Lanes made[T];
      for (int p = 0; p < T; p++) made[p] = sums[p];
      take(sink, first + 2 * column + odd, 2, T, made);
    });
  }
}

}  // namespace regraft
