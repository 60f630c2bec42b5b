#include "convolution/pointwise.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

#include "convolution/gathered.h"
#include "convolution/pointwiseProduct.h"

namespace regraft::pointwise {

namespace {

/// Pixels that share the way to the weights, and stay in the cache with all their channels.
constexpr int64_t mostPixels = 16 * rows;

/// Channels are real ones: those of the padding are zero.
struct Shape {
  Context::Planes in, out;
  int64_t inputs, outputs;

  /// @param x, y indices of what the product reads and gives
  /// @param w index of the weights, or of their gradient
  Shape(const Context &c, const Operation &op, int x, int w, int y) : in(c.planes(x)), out(c.planes(y)), inputs(c.dims(x)[1]), outputs(c.dims(y)[1]) {
    const auto weights = c.dims(w);
    const bool dense = weights[0] * weights[1] == inputs * outputs && weights[2] == 1 && weights[3] == 1 && op.integer("groups") == 1;
    const bool alike = in.batch == out.batch && in.pixels() == out.pixels();
    for (int index : {x, y})
      if (!dense || !alike || c.value(index).layout != Layout::blocked || c.value(index).precision != Precision::float32)
        throw std::runtime_error("'" + op.kernel + "' is no product of pixels and channels");
  }
  /// Blocks of outputs are computed `wide` at a time.
  int64_t groups() const { return (out.blocks + wide - 1) / wide; }
  /// Ranges of pixels of an image, of nearly equal size.
  int64_t ranges() const { return (in.pixels() + mostPixels - 1) / mostPixels; }
  int64_t firstPixel(int64_t range) const { return in.pixels() * range / ranges(); }
};

/// y = x w; w is [blocks of outputs][blocks of inputs * block][block].
void convolve(int team, const Shape &s, const Lanes *x, const Lanes *w, Lanes *y) {
  const int64_t groups = s.groups(), ranges = s.ranges(), wStep = s.in.blocks * block;
  share(team, s.in.batch * ranges * groups, [&](int64_t i) {
    const int64_t n = i / groups / ranges, range = i / groups % ranges, out = i % groups * wide;
    const int64_t first = s.firstPixel(range), some = s.firstPixel(range + 1) - first;
    const int64_t outputs = std::min(s.outputs - out * block, wide * block);
    multiply(x + s.in.plane(n, 0) + first, s.in.step(), s.inputs, some, w + out * wStep, wStep, outputs, y + s.out.plane(n, out) + first, s.out.step(), Ahead::own());
  });
}

/// Bounds between which an activation passes what it is given.
std::pair<float, float> boundsOf(const Operation &op) {
  constexpr float all = std::numeric_limits<float>::infinity();
  const int activation = op.integer("activationBefore");
  return {activation == 0 ? -all : 0.0f, activation == 2 ? 6.0f : all};
}

/// y = x w, written past the cache.
/// @param begin says what is to be found of an image's planes from a block on
/// @param end takes what was found of one plane of all: the k-th of those
template <class Begin, class End>
void convolvePast(int team, const Shape &s, const Lanes *x, const Lanes *w, Lanes *y, After after, Begin begin, End end) {
  const int64_t groups = s.groups(), wStep = s.in.blocks * block;
  share(team, s.in.batch * groups, [&](int64_t i) {
    const int64_t n = i / groups, out = i % groups * wide, some = std::min<int64_t>(wide, s.out.blocks - out);
    Found found = begin(n, out);
    multiply(x + s.in.plane(n, 0), s.in.step(), s.inputs, s.in.pixels(), w + out * wStep, wStep, std::min(s.outputs - out * block, wide * block), y + s.out.plane(n, out), s.out.step(), Ahead::own(), after, &found);
    for (int64_t k = 0; k < some; k++) end(n * s.out.blocks + out + k, found, k);
  });
  arrived();
}

/// y = x w with the spreads of its planes.
void convolveSpread(int team, const Shape &s, const Lanes *x, const Lanes *w, Lanes *y, Spread *spreads) {
  const auto pixels = static_cast<double>(s.in.pixels());
  const auto begin = [](int64_t, int64_t) { return Found(); };
  convolvePast(team, s, x, w, y, After::spread, begin, [=](int64_t plane, const Found &found, int64_t k) {
    const Wide sum = widen(found.first[k]), shift = sum / pixels;
    spreads[plane] = {widen(found.centre[k]) + shift, widen(found.second[k]) - shift * sum};
  });
}

/// What an activation passes of y = x w, with the sums that the norm before it wants.
void convolveGradient(int team, const Shape &s, const Lanes *x, const Lanes *w, Lanes *y, const Lanes *given, const Scale *scale, std::pair<float, float> bounds, Sums *sums) {
  const auto begin = [&](int64_t n, int64_t out) {
    Found found;
    found.x = given + s.out.plane(n, out);
    found.xStep = s.out.step();
    found.scale = scale + out;
    found.low = bounds.first;
    found.high = bounds.second;
    return found;
  };
  convolvePast(team, s, x, w, y, After::gradient, begin, [=](int64_t plane, const Found &found, int64_t k) {
    sums[plane] = {widen(found.first[k]), widen(found.second[k])};
  });
}

}  // namespace

/// x, weights -> y, spreads (may be absent): what a norm behind it wants to know.
ConvolutionKernel forward(Context &c, const Operation &op) {
  const int x = op.in(0), y = op.out(0);
  const Shape s(c, op, x, op.in(1), y);
  if (op.in(2) >= 0 || op.in(3) >= 0 || op.integer("activation") != 0) throw std::runtime_error("'" + op.kernel + "' does more than a product");
  const auto weights = std::make_shared<const Lanes *>(nullptr);
  const int team = c.team();
  const int spreads = op.out(1);
  const auto run = [=, &c](const float *) {
    if (spreads >= 0) convolveSpread(team, s, as<Lanes>(c.data(x)), *weights, as<Lanes>(c.data(y)), as<Spread>(c.data(spreads)));
    else convolve(team, s, as<Lanes>(c.data(x)), *weights, as<Lanes>(c.data(y)));
  };
  return {[=](const float *kept) { *weights = reinterpret_cast<const Lanes *>(kept); }, run};
}

/// dy, weights; what a norm before the convolution was given and its scale -> dx, sums. Where there is a norm, dx is what its
/// activation passes, and the sums are what its gradient needs.
ConvolutionKernel inputGradient(Context &c, const Operation &op) {
  const int dy = op.in(0), given = op.in(2), scale = op.in(3), dx = op.out(0), sums = op.out(1);
  const Shape s(c, op, dy, op.in(1), dx);
  const auto bounds = sums < 0 ? std::pair<float, float>() : boundsOf(op);
  const size_t place = c.hold(s.out.blocks * s.in.blocks * block * sizeof(Lanes));
  // Inputs and outputs change places.
  const auto prepare = [=, &c](const float *kept) {
    float *turned = c.held(place);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t i = 0; i < s.out.blocks; i++)
      for (int64_t o = 0; o < s.in.blocks; o++) {
        const float *from = kept + (o * s.out.blocks + i) * block * block;
        float *to = turned + (i * s.in.blocks + o) * block * block;
        for (int64_t row = 0; row < block; row++)
          for (int64_t column = 0; column < block; column++) to[row * block + column] = from[column * block + row];
      }
  };
  const int team = c.team();
  const auto run = [=, &c](const float *) {
    const Lanes *change = as<Lanes>(c.data(dy)), *weights = as<Lanes>(c.held(place));
    if (sums >= 0) convolveGradient(team, s, change, weights, as<Lanes>(c.data(dx)), as<Lanes>(c.data(given)), as<Scale>(c.data(scale)), bounds, as<Sums>(c.data(sums)));
    else convolve(team, s, change, weights, as<Lanes>(c.data(dx)));
  };
  return {prepare, run};
}

Step weightGradient(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), dw = op.out(0);
  const Shape s(c, op, x, dw, dy);
  const int64_t channels = s.in.blocks * block, lanes = s.out.blocks * channels, groups = s.groups(), some = (s.inputs + channelsAtOnce - 1) / channelsAtOnce;
  const int team = c.team();
  const Gathered gathered(c, lanes * block, dw);
  // Of small images several share the way to the sums.
  const int64_t together = std::clamp<int64_t>(mostPixels / s.in.pixels(), 1, s.in.batch);
  const auto run = [=, &c] {
    const auto &part = Context::part();
    Lanes *own = as<Lanes>(gathered.of(part.thread));
    const Lanes *source = as<Lanes>(c.data(x)), *change = as<Lanes>(c.data(dy));
    if (part.first) memset(static_cast<void *>(own), 0, lanes * sizeof(Lanes));
    for (int64_t n = 0; n < s.in.batch; n += together)
      for (int64_t range = 0; range < s.ranges(); range++) {
        const int64_t first = s.firstPixel(range);
        const Pixels pixels{std::min(together, s.in.batch - n), s.firstPixel(range + 1) - first};
        const int64_t xImage = s.in.plane(1, 0), dyImage = s.out.plane(1, 0);
        share(team, groups * some, [&](int64_t i) {
          const int64_t out = i / some * wide, channel = i % some * channelsAtOnce, outputs = std::min(s.outputs - out * block, wide * block);
          const Lanes *from = source + s.in.plane(n, channel / block) + first;
          multiplyPixels(reinterpret_cast<const float *>(from) + channel % block, xImage, change + s.out.plane(n, out) + first, s.out.step(), dyImage, pixels, outputs,
                         own + out * channels + channel, channels, Ahead::own());
        });
      }
  };
  return {run, nullptr, [=] { gathered.join(); }};
}

}  // namespace regraft::pointwise
