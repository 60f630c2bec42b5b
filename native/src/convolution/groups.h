// Convolutions in groups of several channels, as oneDNN is given them: groups that together fill blocks of channels are one.
#pragma once
#include "plan/context.h"

namespace regraft {

/// Neighbouring groups joined until their channels fill whole blocks, with weights of zero between them; all of them, with
/// padding, where no number of them does.
struct Groups {
  /// Of one given group.
  int64_t inputs = 0, outputs = 0;
  /// How many there are when joined, and of each, how many given ones it has.
  int64_t count = 0, together = 0;
  /// Of one joined group, padding included.
  int64_t wideInputs = 0, wideOutputs = 0;
  int64_t taps = 0;

  Groups() = default;
  /// @param weights [outputs, inputs of a group, height, width]
  Groups(int64_t groups, const std::vector<int64_t> &weights);

  bool any() const { return count > 0; }
  /// Floats of the joined weights, [count][wideOutputs][wideInputs][height][width].
  int64_t floats() const { return count * wideOutputs * wideInputs * taps; }
  /// Weights as they are kept, row-major, to joined ones.
  void join(const float *weights, float *joined) const;
  /// What of the joined weights' gradient is the kept weights'.
  void part(const float *joined, float *weights) const;
};

}  // namespace regraft
