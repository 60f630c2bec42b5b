// Sums over images that each thread gathers by itself, and their sum over all threads.
#pragma once
#include "plan/context.h"

namespace regraft {

class Gathered {
 public:
  /// @param value index of where the first thread's sums stand, and in the end those of all; -1: in memory that is held while the strip runs, as the others' are
  Gathered(Context &c, int64_t floats, int value)
      : c_(c), value_(value), floats_(floats), workers_(c.workers()), step_((floats * sizeof(float) + 63) / 64 * 64), held_(c.hold((value < 0 ? workers_ : workers_ - 1) * step_)) {}

  float *of(int thread) const {
    if (value_ < 0) return c_.held(held_ + thread * step_);
    return thread == 0 ? c_.data(value_) : c_.held(held_ + (thread - 1) * step_);
  }
  /// Adds all threads' sums to the first one's, in the threads' order.
  void join() const {
    float *sum = of(0);
    for (int other = 1; other < workers_; other++) {
      const float *more = of(other);
#pragma omp parallel for simd schedule(static)
      for (int64_t i = 0; i < floats_; i++) sum[i] += more[i];
    }
  }

 private:
  Context &c_;
  int value_;
  int64_t floats_;
  int workers_;
  size_t step_, held_;
};

}  // namespace regraft
