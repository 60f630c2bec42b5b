// Fully connected layers, elementwise operators, copies and the loss: a small share of the time, so plain loops.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "layout.h"
#include "plan/registry.h"

namespace regraft {

namespace {

/// y[rows, columns] = a b^T (+ bias), with a [rows, inner] and b [columns, inner].
void productTransposed(const float *a, const float *b, const float *bias, float *y, int64_t rows, int64_t columns, int64_t inner) {
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < columns; j++)
    for (int64_t i = 0; i < rows; i++) {
      float sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t k = 0; k < inner; k++) sum += a[i * inner + k] * b[j * inner + k];
      y[i * columns + j] = sum + (bias ? bias[j] : 0);
    }
}

Step linear(Context &c, const Operation &op) {
  const int x = op.in(0), w = op.in(1), bias = op.in(2), y = op.out(0);
  const int64_t rows = c.value(x).dims[0], inner = c.value(x).dims[1], columns = c.value(w).dims[0];
  return [=, &c]() { productTransposed(c.data(x), c.data(w), c.data(bias), c.data(y), rows, columns, inner); };
}

/// Each row of `to` is a sum of rows of `terms`, each times a factor; factors stand `next` floats apart within a sum and
/// `row` floats apart between sums.
void sumsOfRows(const float *factors, int64_t row, int64_t next, const float *terms, float *to, int64_t rows, int64_t count, int64_t width) {
#pragma omp parallel for schedule(static)
  for (int64_t r = 0; r < rows; r++) {
    float *sum = to + r * width;
    memset(sum, 0, width * sizeof(float));
    for (int64_t k = 0; k < count; k++) {
      const float factor = factors[r * row + k * next];
      const float *term = terms + k * width;
#pragma omp simd
      for (int64_t i = 0; i < width; i++) sum[i] += factor * term[i];
    }
  }
}

/// dx = dy w
Step linearInputGradient(Context &c, const Operation &op) {
  const int dy = op.in(0), w = op.in(1), dx = op.out(0);
  const int64_t rows = c.value(dy).dims[0], outputs = c.value(dy).dims[1], inputs = c.value(w).dims[1];
  return [=, &c]() { sumsOfRows(c.data(dy), outputs, 1, c.data(w), c.data(dx), rows, outputs, inputs); };
}

/// dw = dy^T x
Step linearWeightGradient(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), dw = op.out(0);
  const int64_t rows = c.value(x).dims[0], inputs = c.value(x).dims[1], outputs = c.value(dy).dims[1];
  return [=, &c]() { sumsOfRows(c.data(dy), 1, outputs, c.data(x), c.data(dw), outputs, rows, inputs); };
}

Step linearBiasGradient(Context &c, const Operation &op) {
  const int dy = op.in(0), db = op.out(0);
  const int64_t rows = c.value(dy).dims[0], outputs = c.value(dy).dims[1];
  return [=, &c]() {
    for (int64_t o = 0; o < outputs; o++) {
      float sum = 0;
      for (int64_t n = 0; n < rows; n++) sum += c.data(dy)[n * outputs + o];
      c.data(db)[o] = sum;
    }
  };
}

/// y[i] = f(a[i], b[i]) over all numbers of a value; b may be absent.
template <class Number, class F>
Step elementwise(Context &c, const Operation &op, F f) {
  const int a = op.in(0), b = op.in(1) < 0 ? op.in(0) : op.in(1), y = op.out(0);
  if (c.value(a).dims.size() == 4 && c.value(a).layout == Layout::blocked && c.strip.pieces > 1) {
    const auto p = c.planes(a), q = c.planes(b), r = c.planes(y);
    const int team = c.team();
    return [=, &c]() {
      const Number *first = reinterpret_cast<Number *>(c.data(a)), *second = reinterpret_cast<Number *>(c.data(b));
      Number *to = reinterpret_cast<Number *>(c.data(y));
      share(team, p.batch * p.blocks, [&](int64_t i) {
        const Number *one = first + i * p.step() * block, *other = second + i * q.step() * block;
        Number *result = to + i * r.step() * block;
        for (int64_t k = 0; k < p.pixels() * block; k++) result[k] = f(one[k], other[k]);
      });
    };
  }
  int64_t count = static_cast<int64_t>(std::min(c.value(a).bytes, c.value(y).bytes) / sizeof(Number));
  if (c.value(a).dims.size() == 4 && c.value(a).layout == Layout::blocked) count = c.planes(a).floats();
  return [=, &c]() {
    const Number *first = reinterpret_cast<Number *>(c.data(a)), *second = reinterpret_cast<Number *>(c.data(b));
    Number *to = reinterpret_cast<Number *>(c.data(y));
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++) to[i] = f(first[i], second[i]);
  };
}

template <class Number>
Step add(Context &c, const Operation &op) {
  return elementwise<Number>(c, op, [](float a, float b) { return a + b; });
}
template <class Number>
Step dropout(Context &c, const Operation &op) {
  return elementwise<Number>(c, op, [](float a, float b) { return a * b; });
}
template <class Number>
Step relu(Context &c, const Operation &op) {
  return elementwise<Number>(c, op, [](float a, float) { return a > 0 ? a : 0.0f; });
}
template <class Number>
Step relu6(Context &c, const Operation &op) {
  return elementwise<Number>(c, op, [](float a, float) { return a > 0 ? (a < 6 ? a : 6.0f) : 0.0f; });
}
template <class Number>
Step reluGradient(Context &c, const Operation &op) {
  return elementwise<Number>(c, op, [](float d, float y) { return y > 0 ? d : 0.0f; });
}
template <class Number>
Step relu6Gradient(Context &c, const Operation &op) {
  return elementwise<Number>(c, op, [](float d, float y) { return y > 0 && y < 6 ? d : 0.0f; });
}
template <class Number>
Step copy(Context &c, const Operation &op) {
  return elementwise<Number>(c, op, [](float a, float) { return a; });
}

/// A value of the outside world as blocked planes.
template <class Pixel>
Step blockedCopy(Context &c, const Operation &op) {
  const int from = op.in(0), to = op.out(0);
  const auto sides = c.dims(from);
  return [=, &c]() { toBlocked(c.data(from), reinterpret_cast<Pixel *>(c.data(to)), sides); };
}

/// Images as they come, stored as bfloat16.
Step roundedCopy(Context &c, const Operation &op) {
  const int from = op.in(0), to = op.out(0);
  int64_t count = 1;
  for (int64_t side : c.dims(from)) count *= side;
  return [=, &c]() {
    const float *source = c.data(from);
    Bfloat16 *target = reinterpret_cast<Bfloat16 *>(c.data(to));
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++) target[i] = source[i];
  };
}

/// log of the sum of exponentials of a row, with its maximum taken off first.
double logSum(const float *row, int64_t classes, float &largest) {
  largest = *std::max_element(row, row + classes);
  double sum = 0;
  for (int64_t k = 0; k < classes; k++) sum += std::exp(static_cast<double>(row[k]) - largest);
  return std::log(sum);
}

Step softmaxCrossEntropy(Context &c, const Operation &op) {
  const int logits = op.in(0), targets = op.in(1), loss = op.out(0);
  const int64_t rows = c.value(logits).dims[0], classes = c.value(logits).dims[1];
  return [=, &c]() {
    double total = 0;
    for (int64_t n = 0; n < rows; n++) {
      const float *row = c.data(logits) + n * classes, *target = c.data(targets) + n * classes;
      float largest;
      const double log = logSum(row, classes, largest);
      for (int64_t k = 0; k < classes; k++)
        if (target[k] != 0) total -= target[k] * (row[k] - largest - log);
    }
    *c.data(loss) = static_cast<float>(total / rows);
  };
}

Step softmaxCrossEntropyGradient(Context &c, const Operation &op) {
  const int logits = op.in(0), targets = op.in(1), dlogits = op.out(0);
  const int64_t rows = c.value(logits).dims[0], classes = c.value(logits).dims[1];
  return [=, &c]() {
    for (int64_t n = 0; n < rows; n++) {
      const float *row = c.data(logits) + n * classes, *target = c.data(targets) + n * classes;
      float *to = c.data(dlogits) + n * classes, largest;
      const double log = logSum(row, classes, largest);
      double weight = 0;
      for (int64_t k = 0; k < classes; k++) weight += target[k];
      for (int64_t k = 0; k < classes; k++)
        to[k] = static_cast<float>((std::exp(row[k] - largest - log) * weight - target[k]) / rows);
    }
  };
}

}  // namespace

void registerDense(Registry &registry) {
  registry["linear"] = linear;
  registry["linearInputGradient"] = linearInputGradient;
  registry["linearWeightGradient"] = linearWeightGradient;
  registry["linearBiasGradient"] = linearBiasGradient;
  registry["add"] = either<add<float>, add<Bfloat16>>;
  registry["dropout"] = either<dropout<float>, dropout<Bfloat16>>;
  registry["relu"] = either<relu<float>, relu<Bfloat16>>;
  registry["relu6"] = either<relu6<float>, relu6<Bfloat16>>;
  registry["reluGradient"] = either<reluGradient<float>, reluGradient<Bfloat16>>;
  registry["relu6Gradient"] = either<relu6Gradient<float>, relu6Gradient<Bfloat16>>;
  registry["copy"] = either<copy<float>, copy<Bfloat16>>;
  registry["toBlocked"] = either<blockedCopy<Lanes>, blockedCopy<Bfloat16Lanes>>;
  registry["toBfloat16"] = roundedCopy;
  registry["softmaxCrossEntropy"] = softmaxCrossEntropy;
  registry["softmaxCrossEntropyGradient"] = softmaxCrossEntropyGradient;
}

}  // namespace regraft
