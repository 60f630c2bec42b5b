// A depthwise convolution in one pass with what norms have to do before and after it.
#include <omp.h>

#include <algorithm>
#include <cstring>

#include "depthwise/depthwise.h"
#include "depthwise/depthwiseRows.h"
#include "plan/registry.h"
#include "convolution/weightsIn.h"

namespace regraft {

namespace {

template <class Pixel>
auto kernelOf(int64_t side, int64_t stride) {
  if (stride == 1) return side == 3 ? planeForward<3, 1, Pixel> : planeForward<5, 1, Pixel>;
  return side == 3 ? planeForward<3, 2, Pixel> : planeForward<5, 2, Pixel>;
}

template <class Pixel>
auto rowKernel(int64_t side, int64_t stride) {
  if (stride == 1) return side == 3 ? convolveRow<3, 1, Pixel> : convolveRow<5, 1, Pixel>;
  return side == 3 ? convolveRow<3, 2, Pixel> : convolveRow<5, 2, Pixel>;
}

/// x, weights, scale (may be absent) -> y, spreads (may be absent).
/// Where a scale is given, a norm with it and `activationBefore` is applied to x; a norm after the convolution wants the spreads.
template <class Pixel>
Step depthwise(Context &c, const Operation &op) {
  const int x = op.in(0), w = op.in(1), coefficients = op.in(2), y = op.out(0), spreads = op.out(1);
  const auto in = c.planes(x), out = c.planes(y);
  const int64_t side = c.dims(w)[2], stride = op.integer("stride", 0);
  // The same zeros stand around a plane when its weights' gradient is taken.
  const DepthwiseShape s = weightGradientShape(in, out, op, side);
  const auto layout = dnnl::memory::desc({padded(c.dims(w)[0]), 1, 1, side, side}, dnnl::memory::data_type::f32, depthwiseTag);
  const auto weights = std::make_shared<WeightsIn>(c, w, layout, layout);
  const auto convolve = rowKernel<Pixel>(side, stride);
  const auto fill = coefficients < 0 ? fillInput<Pixel> : forActivation(op, fillNormalised<Activation::none, Pixel>, fillNormalised<Activation::relu, Pixel>, fillNormalised<Activation::relu6, Pixel>, "activationBefore");
  const auto take = isMany(c.value(y).bytes) ? takeSpread<Pixel, true> : takeSpread<Pixel, false>;
  const Ring::Shape ring{side, s.left, s.height, s.width, s.paddedWidth - s.left - s.width, 0};
  const int64_t planes = in.batch * in.blocks, each = ring.lanes() + s.outWidth;
  const int team = c.team();
  c.wantScratch(team * each * sizeof(Lanes));
  const auto run = [=, &c] {
    const Pixel *source = as<Pixel>(c.data(x));
    const Lanes *taps = as<Lanes>(weights->data(c, c.data(w)));
    const Scale *scale = as<Scale>(c.data(coefficients));
    Pixel *target = as<Pixel>(c.data(y));
    Lanes *scratch = as<Lanes>(c.scratch());
    Spread *found = as<Spread>(c.data(spreads));
#pragma omp parallel
    {
      Lanes *own = scratch + omp_get_thread_num() * each;
      const Ring rows(own, ring);
      Sink<Pixel> sink;
      sink.made = own + ring.lanes();
#pragma omp for schedule(static)
      for (int64_t i = 0; i < planes; i++) {
        const int64_t b = i % in.blocks;
        const Pixel *plane = source + i * in.pixels();
        sink.begin(target + i * out.pixels(), nullptr);
        for (int64_t row = 0, filled = 0; row < s.outHeight; row++) {
          const int64_t top = row * stride - s.top;
          for (; filled < std::min(top + side, s.height); filled++) fill(plane + filled * s.width, rows.inside(filled), s.width, scale + b);
          convolve(rows.from(top), taps + b * side * side, s.outWidth, row * s.outWidth, sink, row == 0 ? keep<Pixel> : take, plane + std::max<int64_t>(top, 0) * s.width + ahead(s.width));
          if (row > 0) continue;
          // Sums are of differences to the mean of the plane's first row, so that no digits are lost.
          sink.centre = Lanes{};
          for (int64_t p = 0; p < s.outWidth; p++) sink.centre += sink.made[p];
          sink.centre /= static_cast<float>(s.outWidth);
          take(sink, 0, 1, static_cast<int>(s.outWidth), sink.made);
        }
        const Sums &sums = sink.end();
        const Wide shift = sums.first / static_cast<double>(out.pixels());
        if (found) found[i] = {widen(sink.centre) + shift, sums.second - shift * sums.first};
      }
      arrived();
    }
  };
  return {run, [=, &c] { weights->prepare(c, c.data(w)); }, nullptr};
}

/// Bytes of a plane with zeros around it that stay in the nearest caches while its taps are added.
constexpr int64_t nearBytes = 128 << 10;

/// Rows of the input from `first` on with the zeros around them, for so many rows of taps; what is left and right of them is zero already.
void padRows(const DepthwiseShape &s, const Bfloat16Lanes *x, int64_t first, int64_t rows, Lanes *wide) {
  for (int64_t row = first - s.top; row < first - s.top + rows; row++, wide += s.paddedWidth) {
    if (row >= 0 && row < s.height)
      for (int64_t i = 0; i < s.width; i++) wide[s.left + i] = x[row * s.width + i];
    else
      for (int64_t i = 0; i < s.width; i++) wide[s.left + i] = Lanes{};
  }
}

template <Activation A>
ConvolutionKernel served(Context &c, const Operation &op) {
  typedef Bfloat16Lanes Pixel;
  const int x = op.in(0), y = op.out(0);
  const auto in = c.planes(x), out = c.planes(y);
  const int64_t side = c.dims(op.in(1))[2];
  const DepthwiseShape s = weightGradientShape(in, out, op, side);
  const auto kernel = kernelOf<Pixel>(side, s.stride);
  const int64_t planes = in.batch * in.blocks, rowBytes = s.paddedWidth * s.stride * static_cast<int64_t>(sizeof(Lanes));
  const int64_t band = std::clamp<int64_t>(nearBytes / rowBytes, 1, out.height), padded = ((band - 1) * s.stride + side) * s.paddedWidth;
  const int64_t each = padded + band * out.width;
  c.wantScratch(c.team() * each * sizeof(Lanes));
  const auto weights = std::make_shared<const Lanes *>(nullptr);
  const auto run = [=, &c](const float *bias) {
    const Pixel *source = as<Pixel>(c.data(x));
    Pixel *target = as<Pixel>(c.data(y));
    Lanes *scratch = as<Lanes>(c.scratch());
#pragma omp parallel
    {
      Lanes *wide = scratch + omp_get_thread_num() * each, *made = wide + padded;
      memset(wide, 0, padded * sizeof(Lanes));
#pragma omp for schedule(static)
      for (int64_t i = 0; i < planes; i++) {
        const int64_t b = i % in.blocks;
        const Lanes shift = bias ? reinterpret_cast<const Lanes *>(bias)[b] : Lanes{};
        for (int64_t first = 0; first < out.height; first += band) {
          DepthwiseShape part = s;
          part.outHeight = std::min(band, out.height - first);
          padRows(s, source + i * in.pixels(), first * s.stride, (part.outHeight - 1) * s.stride + side, wide);
          // The rows that come next, here or in the next plane.
          const int64_t next = std::min(i * in.pixels() + (first + part.outHeight) * s.stride * in.width, (planes - 1) * in.pixels());
          kernel(part, wide, *weights + b * side * side, made, source + next);
          Pixel *to = target + i * out.pixels() + first * out.width;
          for (int64_t p = 0; p < part.outHeight * out.width; p++) to[p] = activate<A>(made[p] + shift);
        }
      }
    }
  };
  return {[=](const float *kept) { *weights = reinterpret_cast<const Lanes *>(kept); }, run};
}

}  // namespace

bool hasDepthwiseServed(const Context &c, const Operation &op) {
  const auto weights = c.dims(op.in(1));
  const bool square = weights[2] == weights[3] && op.integer("stride", 0) == op.integer("stride", 1);
  return square && (weights[2] == 3 || weights[2] == 5) && op.integer("stride", 0) <= 2 && op.in(3) < 0 && c.value(op.in(0)).layout == Layout::blocked && c.value(op.out(0)).precision == Precision::bfloat16;
}

ConvolutionKernel depthwiseServed(Context &c, const Operation &op) { return forActivation(op, served<Activation::none>, served<Activation::relu>, served<Activation::relu6>)(c, op); }

void registerDepthwise(Registry &registry) { registry["depthwise"] = either<depthwise<Lanes>, depthwise<Bfloat16Lanes>>; }

}  // namespace regraft
