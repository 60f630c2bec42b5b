// What operations are built from: where values lie, oneDNN's engine and stream, and scratch memory that all share.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arena.h"
#include "bfloat16.h"
#include "dnnl_api.h"
#include "plan.h"

namespace regraft {

/// One operation, ready to run: everything it needs is bound, nothing is allocated.
using Step = std::function<void()>;

class Context {
 public:
  explicit Context(const Plan &plan);

  const Value &value(int index) const { return plan.values.at(index); }
  /// Sides of a value; of one that counts images, those of the part that the strip being built works on at a time.
  std::vector<int64_t> dims(int index) const;
  /// Where a value, or the part of it that is being worked on, lies; null for an absent one.
  float *data(int index) const { return index < 0 ? nullptr : reinterpret_cast<float *>(pointers[index] + firstImage * imageBytes[index]); }
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
  /// Memory that a step keeps for itself.
  std::shared_ptr<Arena> keep(size_t bytes) {
    keptBytes += bytes;
    return std::make_shared<Arena>(bytes);
  }
  size_t sharedBytes() const { return scratchBytes + stagingBytes + keptBytes; }

  const Plan &plan;
  /// The strip whose steps are being built.
  Strip strip{};
  /// The first image of the part that is being worked on.
  int64_t firstImage = 0;
  /// What oneDNN chose, as 'kernel value: implementation'.
  std::vector<std::string> implementations;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  /// How often each value was written: copies of weights in other layouts follow them.
  std::vector<uint64_t> versions;
  /// Layout of each value that is kept as weights; empty until the first convolution that uses it chooses.
  std::vector<dnnl::memory::desc> weightLayouts;

 private:
  std::vector<char *> pointers;
  /// Bytes of one image of a value that counts images, else 0.
  std::vector<int64_t> imageBytes;
  std::vector<std::unique_ptr<Arena>> persistent;
  std::unique_ptr<Arena> arena, scratchArena, stagingArena;
  size_t scratchBytes = 64, stagingBytes = 64, keptBytes = 0;
};

using Builder = Step (*)(Context &, const Operation &);

/// The kernel for blocks of float32, or for blocks of bfloat16 where the operation's values are stored so.
template <Builder Float32, Builder Brief>
Step either(Context &context, const Operation &op) {
  for (const auto *values : {&op.inputs, &op.outputs})
    for (int index : *values)
      if (index >= 0 && context.value(index).precision == Precision::bfloat16) return Brief(context, op);
  return Float32(context, op);
}

/// The builder of a kernel, or null.
Builder builderOf(const std::string &kernel);

}  // namespace regraft
