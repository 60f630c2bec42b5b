#include "tiles/tileWeights.h"

namespace regraft::tiles {

namespace {

/// Two rows of 16 weights in bfloat16, as pairs of one of each.
Words rounded(const Words *two) {
  Bfloat16Lanes rows[2 * side / block];
  for (int64_t i = 0; i < 2 * side / block; i++) {
    Lanes weights;
    memcpy(&weights, reinterpret_cast<const Lanes *>(two) + i, sizeof weights);
    rows[i] = weights;
  }
  return pairs(rows);
}

}  // namespace

Weights::Weights(Context &context, int index, bool forGradient, bool pictures, std::vector<Step> steps) : c_(context), index_(index), forGradient_(forGradient), steps_(std::move(steps)) {
  const auto dims = c_.value(index).dims;
  area_ = dims[2] * dims[3];
  given_ = padded(dims[forGradient ? 1 : 0]) / block;
  summed_ = padded(dims[forGradient ? 0 : 1]) / block;
  if (pictures) {
    channels_ = dims[1];
    taps_ = dims[3];
  }
  const size_t bytes = given_ * steps_.size() * tileBytes;
  bool updated = false;
  for (const Operation &op : c_.plan.operations)
    for (int output : op.outputs) updated = updated || output == index;
  if (updated) held_ = c_.hold(bytes);
  else kept_ = c_.keep(bytes);
}

void Weights::rows(const float *weights, int64_t given, Step step, Words *rows) const {
  if (taps_ > 0) {
    for (int64_t e = 0; e < depth; e++)
      if (e < taps_ * channels_) memcpy(&rows[e], weights + ((given * area_ + step.tap + e / channels_) * side + e % channels_) * side, rowBytes);
      else rows[e] = Words{};
    return;
  }
  for (int64_t half = 0; half < 2; half++, rows += side) {
    const int64_t other = 2 * step.deep + half;
    if (other >= summed_) {
      for (int64_t i = 0; i < side; i++) rows[i] = Words{};
      continue;
    }
    const int64_t out = forGradient_ ? other : given, in = forGradient_ ? given : other, inputs = forGradient_ ? given_ : summed_;
    memcpy(rows, weights + ((out * inputs + in) * area_ + step.tap) * side * side, tileBytes);
    if (forGradient_) transpose(rows);
  }
}

void Weights::prepare(const float *weights) {
  if (kept_ && version_ == c_.versions[index_]) return;
  version_ = c_.versions[index_];
  const int64_t count = static_cast<int64_t>(steps_.size());
  Words *const tiles = reinterpret_cast<Words *>(const_cast<char *>(data()));
#pragma omp parallel for collapse(2) schedule(static)
  for (int64_t b = 0; b < given_; b++)
    for (int64_t at = 0; at < count; at++) {
      Words from[depth];
      rows(weights, b, steps_[at], from);
      for (int64_t i = 0; i < side; i++) tiles[(b * count + at) * side + i] = rounded(from + 2 * i);
    }
}

}  // namespace regraft::tiles
