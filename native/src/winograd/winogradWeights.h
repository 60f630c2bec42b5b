// Transformed weights, made anew when the weights have changed.
#pragma once
#include "plan/context.h"

namespace regraft::winograd {

class Weights {
 public:
  /// @param forGradient whether inputs and outputs change places, and the taps their order
  Weights(Context &context, int index, bool forGradient);
  /// @param weights [outputs / block][inputs / block][3][3][block inputs][block outputs]
  void prepare(const float *weights);
  /// [outputs / (block wide)][36][inputs][wide][block]
  const Lanes *data() const;

 private:
  /// Transforms the weights from one block of inputs to one of outputs; without such outputs, zeros.
  void transform(const Lanes *weights, int64_t out, int64_t in) const;

  Context &c_;
  int index_;
  bool forGradient_;
  /// Blocks of channels that the product gives and sums over.
  int64_t outputs_, inputs_;
  /// Weights that no update changes are transformed once; others have memory while their strip runs.
  std::shared_ptr<Arena> kept_;
  size_t held_ = 0;
  uint64_t version_ = 0;
};

}  // namespace regraft::winograd
