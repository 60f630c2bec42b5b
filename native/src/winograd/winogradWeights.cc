#include "winograd/winogradWeights.h"

#include "winograd/winogradProduct.h"
#include "winograd/winogradTransform.h"

namespace regraft::winograd {

namespace {

int64_t groups(int64_t blocks) { return (blocks + wide - 1) / wide; }

}  // namespace

Weights::Weights(Context &context, int index, bool forGradient) : c_(context), index_(index), forGradient_(forGradient) {
  const auto dims = c_.value(index).dims;
  outputs_ = padded(dims[forGradient ? 1 : 0]) / block;
  inputs_ = padded(dims[forGradient ? 0 : 1]) / block;
  const size_t bytes = groups(outputs_) * wide * values * inputs_ * block * sizeof(Lanes);
  if (c_.isWritten(index)) held_ = c_.hold(bytes);
  else kept_ = c_.keep(bytes);
}

const Lanes *Weights::data() const { return reinterpret_cast<const Lanes *>(kept_ ? reinterpret_cast<float *>(kept_->data()) : c_.held(held_)); }

void Weights::transform(const Lanes *weights, int64_t out, int64_t in) const {
  constexpr int area = taps * taps;
  Lanes turned[area * block], made[values * block];
  const Lanes *from = weights + ((forGradient_ ? in * outputs_ + out : out * inputs_ + in) * area) * block;
  if (out >= outputs_) {
    for (Lanes &lanes : made) lanes = Lanes{};
  } else {
    if (forGradient_) {
      for (int tap = 0; tap < area; tap++)
        for (int i = 0; i < block; i++)
          for (int j = 0; j < block; j++) turned[(area - 1 - tap) * block + i][j] = from[tap * block + j][i];
      from = turned;
    }
    for (int c = 0; c < block; c++) inBothDirections<taps, reach, ofWeights>(from + c, {taps * block, block}, made + c, {reach * block, block});
  }
  Lanes *to = const_cast<Lanes *>(data()) + (out / wide * values * inputs_ + in) * block * wide + out % wide;
  for (int value = 0; value < values; value++)
    for (int c = 0; c < block; c++) to[(value * inputs_ * block + c) * wide] = made[value * block + c];
}

void Weights::prepare(const float *weights) {
  if (kept_ && version_ == c_.versions[index_]) return;
  version_ = c_.versions[index_];
  const Lanes *from = reinterpret_cast<const Lanes *>(weights);
#pragma omp parallel for collapse(2) schedule(static)
  for (int64_t out = 0; out < groups(outputs_) * wide; out++)
    for (int64_t in = 0; in < inputs_; in++) transform(from, out, in);
}

}  // namespace regraft::winograd
