// Batch norm, its gradient and its running statistics: every pass over memory does all it can.
#include <cmath>
#include <algorithm>

#include "registry.h"

namespace regraft {

namespace {

enum class Activation { none = 0, relu = 1, relu6 = 2 };

template <Activation A>
inline Lanes activate(Lanes x) {
  const Lanes zero{}, six = zero + 6.0f;
  if (A == Activation::none) return x;
  x = x > zero ? x : zero;
  return A == Activation::relu6 ? (x < six ? x : six) : x;
}

/// The gradient where the activation passed it, else zero.
template <Activation A>
inline Lanes pass(Lanes d, Lanes y) {
  const Lanes zero{}, six = zero + 6.0f;
  if (A == Activation::none) return d;
  d = y > zero ? d : zero;
  return A == Activation::relu6 ? (y < six ? d : zero) : d;
}

typedef double Wide __attribute__((vector_size(128), aligned(64)));
inline Wide widen(Lanes x) { return __builtin_convertvector(x, Wide); }

/// Pixels whose sums are kept in float before they are added in double.
constexpr int64_t chunk = 256;

/// Two sums per channel of each plane, in double: [planes][2][16].
struct Sums {
  Wide first, second;
};

/// Adds the planes' sums of a block of channels in order.
inline Sums total(const Sums *sums, int64_t batch, int64_t blocks, int64_t b) {
  Sums all{};
  for (int64_t n = 0; n < batch; n++) {
    all.first += sums[n * blocks + b].first;
    all.second += sums[n * blocks + b].second;
  }
  return all;
}

/// A vector of channels that may not be a multiple of a block, padded with zeros.
inline Lanes load(const float *values, int64_t channels, int64_t b) {
  Lanes result{};
  for (int64_t c = 0; c < block && b * block + c < channels; c++) result[c] = values[b * block + c];
  return result;
}

inline void store(float *values, int64_t channels, int64_t b, Lanes lanes) {
  for (int64_t c = 0; c < block && b * block + c < channels; c++) values[b * block + c] = lanes[c];
}

template <Activation A>
void normalise(const Context::Planes &p, const Lanes *x, const Lanes *residual, const Lanes *shift, const Lanes *scale, const Lanes *offset, Lanes *y) {
  const int64_t pixels = p.pixels();
#pragma omp parallel for collapse(2) schedule(static)
  for (int64_t n = 0; n < p.batch; n++)
    for (int64_t b = 0; b < p.blocks; b++) {
      const int64_t at = (n * p.blocks + b) * pixels;
      const Lanes m = shift[b], a = scale[b], o = offset[b];
      if (residual)
        for (int64_t i = at; i < at + pixels; i++) y[i] = activate<A>((x[i] - m) * a + o + residual[i]);
      else
        for (int64_t i = at; i < at + pixels; i++) y[i] = activate<A>((x[i] - m) * a + o);
    }
}

using Normalise = void (*)(const Context::Planes &, const Lanes *, const Lanes *, const Lanes *, const Lanes *, const Lanes *, Lanes *);

/// Mean and biased variance per channel. Sums are of differences to the first image's mean, so that no digits are lost.
void statistics(const Context::Planes &p, const Lanes *x, Sums *sums, Lanes *mean, Lanes *variance) {
  const int64_t pixels = p.pixels();
#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (int64_t b = 0; b < p.blocks; b++) {
      Wide sum{};
      for (int64_t from = 0; from < pixels; from += chunk) {
        Lanes part{};
        for (int64_t i = from; i < std::min(from + chunk, pixels); i++) part += x[b * pixels + i];
        sum += widen(part);
      }
      mean[b] = __builtin_convertvector(sum / static_cast<double>(pixels), Lanes);
    }
#pragma omp for collapse(2) schedule(static)
    for (int64_t n = 0; n < p.batch; n++)
      for (int64_t b = 0; b < p.blocks; b++) {
        const int64_t at = (n * p.blocks + b) * pixels;
        const Lanes around = mean[b];
        Sums own{};
        for (int64_t from = 0; from < pixels; from += chunk) {
          Lanes first{}, second{};
          for (int64_t i = at + from; i < at + std::min(from + chunk, pixels); i++) {
            const Lanes d = x[i] - around;
            first += d;
            second += d * d;
          }
          own.first += widen(first);
          own.second += widen(second);
        }
        sums[n * p.blocks + b] = own;
      }
#pragma omp for schedule(static)
    for (int64_t b = 0; b < p.blocks; b++) {
      const double count = static_cast<double>(p.batch * pixels);
      const Sums all = total(sums, p.batch, p.blocks, b);
      const Wide shift = all.first / count, squares = all.second / count;
      variance[b] = __builtin_convertvector(squares - shift * shift, Lanes);
      mean[b] = __builtin_convertvector(widen(mean[b]) + shift, Lanes);
    }
  }
}

inline Lanes overDeviation(Lanes value, Lanes variance, float eps) {
  Lanes result;
  for (int c = 0; c < block; c++) result[c] = value[c] / std::sqrt(variance[c] + eps);
  return result;
}

Step batchNorm(Context &c, const Operation &op) {
  const auto p = c.planes(op.in(0));
  const int64_t channels = c.value(op.in(0)).dims[1];
  const int activation = op.integer("activation");
  const Normalise apply = activation == 0 ? normalise<Activation::none> : activation == 1 ? normalise<Activation::relu> : normalise<Activation::relu6>;
  const bool training = op.integer("training");
  const float eps = op.number("eps");
  c.wantScratch(p.batch * p.blocks * sizeof(Sums) + 4 * p.blocks * sizeof(Lanes));
  return [&c, op, p, channels, apply, training, eps]() {
    Lanes *mean = reinterpret_cast<Lanes *>(c.scratch()), *variance = mean + p.blocks, *scale = variance + p.blocks, *offset = scale + p.blocks;
    const Lanes *x = reinterpret_cast<const Lanes *>(c.data(op.in(0)));
    if (training) statistics(p, x, reinterpret_cast<Sums *>(offset + p.blocks), mean, variance);
    for (int64_t b = 0; b < p.blocks; b++) {
      if (!training) {
        mean[b] = load(c.data(op.in(3)), channels, b);
        variance[b] = load(c.data(op.in(4)), channels, b);
      }
      scale[b] = overDeviation(load(c.data(op.in(1)), channels, b), variance[b], eps);
      offset[b] = load(c.data(op.in(2)), channels, b);
      if (training && op.out(1) >= 0) store(c.data(op.out(1)), channels, b, mean[b]);
      if (training && op.out(2) >= 0) store(c.data(op.out(2)), channels, b, variance[b]);
    }
    apply(p, x, reinterpret_cast<const Lanes *>(c.dataOrNull(op.in(5))), mean, scale, offset, reinterpret_cast<Lanes *>(c.data(op.out(0))));
  };
}

/// With d the masked gradient and h = (x - mean) / deviation: dbias = sum d, dweight = sum d h,
/// and in training dx = a (d - E[d] - h E[d h]), else dx = a d, where a = weight / deviation.
template <Activation A>
void gradient(const Context::Planes &p, const Lanes *dy, const Lanes *x, const Lanes *y, const Lanes *mean, const Lanes *inverse, const Lanes *scale, bool training,
              Sums *sums, Lanes *both, Lanes *dx, Lanes *dresidual) {
  const int64_t pixels = p.pixels();
#pragma omp parallel
  {
#pragma omp for collapse(2) schedule(static)
    for (int64_t n = 0; n < p.batch; n++)
      for (int64_t b = 0; b < p.blocks; b++) {
        const int64_t at = (n * p.blocks + b) * pixels;
        const Lanes m = mean[b];
        Sums own{};
        for (int64_t from = 0; from < pixels; from += chunk) {
          Lanes first{}, second{};
          for (int64_t i = at + from; i < at + std::min(from + chunk, pixels); i++) {
            const Lanes d = A == Activation::none ? dy[i] : pass<A>(dy[i], y[i]);
            first += d;
            second += d * (x[i] - m);
            if (dresidual) dresidual[i] = d;
          }
          own.first += widen(first);
          own.second += widen(second);
        }
        sums[n * p.blocks + b] = own;
      }
#pragma omp for schedule(static)
    for (int64_t b = 0; b < p.blocks; b++) {
      const Sums all = total(sums, p.batch, p.blocks, b);
      both[2 * b] = __builtin_convertvector(all.first, Lanes);
      both[2 * b + 1] = __builtin_convertvector(all.second * widen(inverse[b]), Lanes);
    }
    if (dx) {
      const float share = 1.0f / static_cast<float>(p.batch * pixels);
#pragma omp for collapse(2) schedule(static)
      for (int64_t n = 0; n < p.batch; n++)
        for (int64_t b = 0; b < p.blocks; b++) {
          const int64_t at = (n * p.blocks + b) * pixels;
          const Lanes a = scale[b], m = mean[b];
          const Lanes e1 = training ? both[2 * b] * share : Lanes{}, e2 = training ? both[2 * b + 1] * share * inverse[b] : Lanes{};
          for (int64_t i = at; i < at + pixels; i++) {
            const Lanes d = A == Activation::none ? dy[i] : dresidual ? dresidual[i] : pass<A>(dy[i], y[i]);
            dx[i] = a * (d - e1 - (x[i] - m) * e2);
          }
        }
    }
  }
}

using Gradient = void (*)(const Context::Planes &, const Lanes *, const Lanes *, const Lanes *, const Lanes *, const Lanes *, const Lanes *, bool, Sums *, Lanes *, Lanes *, Lanes *);

Step batchNormGradient(Context &c, const Operation &op) {
  const auto p = c.planes(op.in(0));
  const int64_t channels = c.value(op.in(0)).dims[1];
  const int activation = op.integer("activation");
  const Gradient apply = activation == 0 ? gradient<Activation::none> : activation == 1 ? gradient<Activation::relu> : gradient<Activation::relu6>;
  const bool training = op.integer("training");
  const float eps = op.number("eps");
  c.wantScratch(p.batch * p.blocks * sizeof(Sums) + 5 * p.blocks * sizeof(Lanes));
  return [&c, op, p, channels, apply, training, eps]() {
    Lanes *mean = reinterpret_cast<Lanes *>(c.scratch()), *inverse = mean + p.blocks, *scale = inverse + p.blocks, *both = scale + p.blocks;
    Sums *sums = reinterpret_cast<Sums *>(both + 2 * p.blocks);
    for (int64_t b = 0; b < p.blocks; b++) {
      mean[b] = load(c.data(op.in(3)), channels, b);
      const Lanes variance = load(c.data(op.in(4)), channels, b);
      inverse[b] = overDeviation(Lanes{} + 1.0f, variance, eps);
      scale[b] = overDeviation(load(c.data(op.in(2)), channels, b), variance, eps);
    }
    const auto lanes = [&c](int index) { return reinterpret_cast<Lanes *>(c.dataOrNull(index)); };
    apply(p, lanes(op.in(0)), lanes(op.in(1)), lanes(op.in(5)), mean, inverse, scale, training, sums, both, lanes(op.out(0)), lanes(op.out(3)));
    for (int64_t b = 0; b < p.blocks; b++) {
      if (op.out(2) >= 0) store(c.data(op.out(2)), channels, b, both[2 * b]);
      if (op.out(1) >= 0) store(c.data(op.out(1)), channels, b, both[2 * b + 1]);
    }
  };
}

Step runningStatistics(Context &c, const Operation &op) {
  const int64_t channels = c.value(op.in(0)).dims[0];
  const float momentum = op.number("momentum");
  const double count = op.number("count");
  const float unbiased = static_cast<float>(count / std::max(count - 1, 1.0));
  return [&c, op, channels, momentum, unbiased]() {
    for (int i = 0; i < 2; i++) {
      if (op.out(i) < 0) continue;
      const float *running = c.data(op.in(i)), *batch = c.data(op.in(2 + i));
      const float factor = i == 0 ? 1.0f : unbiased;
      float *next = c.data(op.out(i));
      for (int64_t k = 0; k < channels; k++) next[k] = running[k] + momentum * (batch[k] * factor - running[k]);
    }
  };
}

}  // namespace

void registerNorms(Registry &registry) {
  registry["batchNorm"] = batchNorm;
  registry["batchNormGradient"] = batchNormGradient;
  registry["runningStatistics"] = runningStatistics;
}

}  // namespace regraft
