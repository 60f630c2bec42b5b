// Pooling and its gradients on blocked planes.
#include <cfloat>
#include <cstring>

#include "norm/norm.h"
#include "plan/registry.h"

namespace regraft {

namespace {

struct Window {
  int kernel[2], stride[2], padding[2];
  explicit Window(const Operation &op) {
    for (int axis = 0; axis < 2; axis++) {
      kernel[axis] = op.integer("kernel", axis);
      stride[axis] = op.integer("stride", axis);
      padding[axis] = op.integer("padding", axis);
    }
  }
  /// First and last row (or column) of the window at an output position, inside the image.
  int64_t first(int axis, int64_t at) const { return std::max<int64_t>(at * stride[axis] - padding[axis], 0); }
  int64_t end(int axis, int64_t at, int64_t size) const { return std::min<int64_t>(at * stride[axis] - padding[axis] + kernel[axis], size); }
};

template <class Pixel>
Step maxPool(Context &c, const Operation &op) {
  const int x = op.in(0), y = op.out(0);
  const auto in = c.planes(x), out = c.planes(y);
  const Window window(op);
  return [&c, x, y, in, out, window]() {
    const Pixel *source = reinterpret_cast<const Pixel *>(c.data(x));
    Pixel *target = reinterpret_cast<Pixel *>(c.data(y));
#pragma omp parallel for schedule(static)
    for (int64_t plane = 0; plane < in.batch * in.blocks; plane++)
      for (int64_t p = 0; p < out.height; p++)
        for (int64_t q = 0; q < out.width; q++) {
          Lanes best = Lanes{} - FLT_MAX;
          for (int64_t r = window.first(0, p); r < window.end(0, p, in.height); r++)
            for (int64_t s = window.first(1, q); s < window.end(1, q, in.width); s++) {
              const Lanes value = source[plane * in.pixels() + r * in.width + s];
              best = value > best ? value : best;
            }
          target[plane * out.pixels() + p * out.width + q] = best;
        }
  };
}

/// Each window's gradient goes to its first maximum, reading row by row, in each channel by itself.
template <class Pixel>
Step maxPoolGradient(Context &c, const Operation &op) {
  const int dy = op.in(0), x = op.in(1), y = op.in(2), dx = op.out(0);
  const auto in = c.planes(x), out = c.planes(y);
  const Window window(op);
  return [&c, dy, x, y, dx, in, out, window]() {
    const Pixel *change = reinterpret_cast<const Pixel *>(c.data(dy)), *source = reinterpret_cast<const Pixel *>(c.data(x)), *best = reinterpret_cast<const Pixel *>(c.data(y));
    Pixel *target = reinterpret_cast<Pixel *>(c.data(dx));
#pragma omp parallel for schedule(static)
    for (int64_t plane = 0; plane < in.batch * in.blocks; plane++) {
      Pixel *to = target + plane * in.pixels();
      memset(to, 0, in.pixels() * sizeof(Pixel));
      for (int64_t p = 0; p < out.height; p++)
        for (int64_t q = 0; q < out.width; q++) {
          const int64_t at = plane * out.pixels() + p * out.width + q;
          Lanes left = change[at];
          const Lanes zero{}, largest = best[at];
          for (int64_t r = window.first(0, p); r < window.end(0, p, in.height); r++)
            for (int64_t s = window.first(1, q); s < window.end(1, q, in.width); s++) {
              const int64_t from = r * in.width + s;
              const auto hit = Lanes(source[plane * in.pixels() + from]) == largest;
              to[from] = Lanes(to[from]) + (hit ? left : zero);
              left = hit ? zero : left;
            }
        }
    }
  };
}

template <class Pixel>
Step globalAveragePool(Context &c, const Operation &op) {
  const int x = op.in(0), y = op.out(0);
  const auto in = c.planes(x);
  const int64_t channels = c.dims(y)[1];
  return [&c, x, y, in, channels]() {
    const Pixel *source = reinterpret_cast<const Pixel *>(c.data(x));
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < in.batch; n++)
      for (int64_t b = 0; b < in.blocks; b++) {
        const Pixel *plane = source + in.plane(n, b);
        const Sums sums = sumPlane(in.pixels(), [=](int64_t i, Lanes &first, Lanes &) { first += Lanes(plane[i]); });
        storeChannels(c.data(y) + n * channels, channels, b, narrow(sums.first / static_cast<double>(in.pixels())));
      }
  };
}

template <class Pixel>
Step globalAveragePoolGradient(Context &c, const Operation &op) {
  const int dy = op.in(0), dx = op.out(0);
  const auto out = c.planes(dx);
  const int64_t channels = c.value(dy).dims[1];
  return [&c, dy, dx, out, channels]() {
    Pixel *target = reinterpret_cast<Pixel *>(c.data(dx));
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < out.batch; n++)
      for (int64_t b = 0; b < out.blocks; b++) {
        Lanes share{};
        for (int64_t k = 0; k < block && b * block + k < channels; k++) share[k] = c.data(dy)[n * channels + b * block + k] / static_cast<float>(out.pixels());
        for (int64_t i = 0; i < out.pixels(); i++) target[out.plane(n, b) + i] = share;
      }
  };
}

}  // namespace

void registerPools(Registry &registry) {
  registry["maxPool"] = either<maxPool<Lanes>, maxPool<Bfloat16Lanes>>;
  registry["maxPoolGradient"] = either<maxPoolGradient<Lanes>, maxPoolGradient<Bfloat16Lanes>>;
  registry["globalAveragePool"] = either<globalAveragePool<Lanes>, globalAveragePool<Bfloat16Lanes>>;
  registry["globalAveragePoolGradient"] = either<globalAveragePoolGradient<Lanes>, globalAveragePoolGradient<Bfloat16Lanes>>;
}

}  // namespace regraft
