// The transforms of Winograd's convolution F(4 x 4, 3 x 3).
#pragma once
#include <cstdint>

#include "lanes.h"

namespace regraft::winograd {

/// A tile of 4 x 4 outputs needs 6 x 6 inputs. Both it and the 3 x 3 weights become 36 values each, of which the products
/// of all channels are summed value by value: 36 multiplications instead of 144.
constexpr int tile = 4, reach = 6, taps = 3, values = reach * reach;

/// Polynomials are interpolated at 0, ±a, ±b and infinity. These points are exact in float32, as are their squares, and
/// give half the error of the usual ±1 and ±2, about three times that of direct sums (Barabasz et al. 2020, 'Error analysis
/// and improving the accuracy of Winograd convolution for deep neural networks').
constexpr float a = 0.75f, b = 1.5f, a2 = a * a, b2 = b * b, a3 = a2 * a, b3 = b2 * b;
constexpr float atZero = 1 / (a2 * b2), atA = 1 / (2 * a2 * (a2 - b2)), atB = 1 / (2 * b2 * (b2 - a2));

/// Of six inputs: what is multiplied (the transposed B of the literature, without its fractions).
inline void ofInput(const Lanes *d, int64_t from, Lanes *v, int64_t to) {
  const Lanes d1 = d[from], d2 = d[2 * from], d3 = d[3 * from], d4 = d[4 * from];
  const Lanes evenA = d4 - b2 * d2, oddA = d3 - b2 * d1, evenB = d4 - a2 * d2, oddB = d3 - a2 * d1;
  v[0] = a2 * b2 * d[0] + (d4 - (a2 + b2) * d2);
  v[to] = evenA + a * oddA;
  v[2 * to] = evenA - a * oddA;
  v[3 * to] = evenB + b * oddB;
  v[4 * to] = evenB - b * oddB;
  v[5 * to] = a2 * b2 * d1 + (d[5 * from] - (a2 + b2) * d3);
}

/// Of six sums of products: four outputs (the transposed A).
inline void toOutput(const Lanes *m, int64_t from, Lanes *y, int64_t to) {
  const Lanes evenA = m[from] + m[2 * from], oddA = m[from] - m[2 * from];
  const Lanes evenB = m[3 * from] + m[4 * from], oddB = m[3 * from] - m[4 * from];
  y[0] = m[0] + (evenA + evenB);
  y[to] = a * oddA + b * oddB;
  y[2 * to] = a2 * evenA + b2 * evenB;
  y[3 * to] = a3 * oddA + (b3 * oddB + m[5 * from]);
}

/// Of three weights: what is multiplied (G).
inline void ofWeights(const Lanes *g, int64_t from, Lanes *u, int64_t to) {
  const Lanes evenA = atA * g[0] + (atA * a2) * g[2 * from], evenB = atB * g[0] + (atB * b2) * g[2 * from];
  const Lanes odd = g[from];
  u[0] = atZero * g[0];
  u[to] = evenA + (atA * a) * odd;
  u[2 * to] = evenA - (atA * a) * odd;
  u[3 * to] = evenB + (atB * b) * odd;
  u[4 * to] = evenB - (atB * b) * odd;
  u[5 * to] = g[2 * from];
}

/// Gradients go back through the same matrices: of four outputs' gradients, those of six sums (A).
inline void ofOutputGradient(const Lanes *y, int64_t from, Lanes *m, int64_t to) {
  const Lanes evenA = y[0] + a2 * y[2 * from], oddA = a * y[from] + a3 * y[3 * from];
  const Lanes evenB = y[0] + b2 * y[2 * from], oddB = b * y[from] + b3 * y[3 * from];
  m[0] = y[0];
  m[to] = evenA + oddA;
  m[2 * to] = evenA - oddA;
  m[3 * to] = evenB + oddB;
  m[4 * to] = evenB - oddB;
  m[5 * to] = y[3 * from];
}

/// Of six transformed weights' gradients, those of three weights (the transposed G).
inline void toWeightGradient(const Lanes *u, int64_t from, Lanes *g, int64_t to) {
  const Lanes evenA = u[from] + u[2 * from], oddA = u[from] - u[2 * from];
  const Lanes evenB = u[3 * from] + u[4 * from], oddB = u[3 * from] - u[4 * from];
  g[0] = atZero * u[0] + (atA * evenA + atB * evenB);
  g[to] = (atA * a) * oddA + (atB * b) * oddB;
  g[2 * to] = (atA * a2) * evenA + ((atB * b2) * evenB + u[5 * from]);
}

/// Where a square of numbers lies: from one row to the next, and from one column to the next.
struct Steps {
  int64_t row, column;
};

/// Applies a transform of N numbers to M to the columns and then to the rows of a square.
template <int N, int M, void (*Transform)(const Lanes *, int64_t, Lanes *, int64_t)>
inline void inBothDirections(const Lanes *from, Steps in, Lanes *to, Steps out) {
  Lanes half[M * N];
  for (int j = 0; j < N; j++) Transform(from + j * in.column, in.row, half + j, N);
  for (int i = 0; i < M; i++) Transform(half + i * N, 1, to + i * out.row, out.column);
}

}  // namespace regraft::winograd
