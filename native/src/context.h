// What operations are built from: where values lie, oneDNN's engine and stream, and scratch memory that all share.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "arena.h"
#include "dnnl_api.h"
#include "plan.h"

namespace regraft {

/// Sixteen floats: one block of channels. The compiler turns it into the registers that the CPU has.
typedef float Lanes __attribute__((vector_size(64), aligned(64)));

/// One operation, ready to run: everything it needs is bound, nothing is allocated.
using Step = std::function<void()>;

class Context {
 public:
  explicit Context(const Plan &plan);

  const Value &value(int index) const { return plan.values.at(index); }
  float *data(int index) const { return pointers.at(index); }
  float *dataOrNull(int index) const { return index < 0 ? nullptr : pointers.at(index); }
  /// A value seen as blocked: batch, blocks of channels, pixels of a plane.
  struct Planes {
    int64_t batch, blocks, height, width;
    int64_t pixels() const { return height * width; }
    int64_t floats() const { return batch * blocks * pixels() * block; }
  };
  Planes planes(int index) const;

  /// Takes note that a step wants so much scratch; the largest wish is granted once all steps are built.
  void wantScratch(size_t bytes) { scratchBytes = bytes > scratchBytes ? bytes : scratchBytes; }
  void wantStaging(size_t bytes) { stagingBytes = bytes > stagingBytes ? bytes : stagingBytes; }
  /// Scratch of oneDNN's primitives, or partial sums of own kernels.
  float *scratch() const { return reinterpret_cast<float *>(scratchArena->data()); }
  /// Weights that are reordered right before they are used.
  float *staging() const { return reinterpret_cast<float *>(stagingArena->data()); }
  void allocateShared();
  size_t sharedBytes() const { return scratchBytes + stagingBytes; }

  const Plan &plan;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  /// Layout of each value that is kept as weights; empty until the first convolution that uses it chooses.
  std::vector<dnnl::memory::desc> weightLayouts;
  std::vector<float *> pointers;

 private:
  std::vector<std::unique_ptr<Arena>> persistent;
  std::unique_ptr<Arena> arena, scratchArena, stagingArena;
  size_t scratchBytes = 64, stagingBytes = 64;
};

using Builder = Step (*)(Context &, const Operation &);
/// The builder of a kernel, or null.
Builder builderOf(const std::string &kernel);

}  // namespace regraft
