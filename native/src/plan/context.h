// What operations are built from: where values lie, oneDNN's engine and stream, and scratch memory that all share.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plan/arena.h"
#include "bfloat16.h"
#include "convolution/dnnl_api.h"
#include "plan/plan.h"

namespace regraft {

/// One operation, ready to run: everything it needs is bound, nothing is allocated.
struct Step {
  /// On the part that is being worked on.
  std::function<void()> run;
  /// Once before and once after all parts of its strip; may be empty.
  std::function<void()> before{}, after{};

  template <class F>
  Step(F f) : run(std::move(f)) {}
  template <class F, class B, class A>
  Step(F f, B first, A last) : run(std::move(f)), before(std::move(first)), after(std::move(last)) {}
};

/// What a thread is working on in a strip.
struct Part {
  int64_t firstImage = 0;
  /// Which one of an image's equal pieces.
  int64_t piece = 0, pieces = 1;
  int thread = 0;
  /// Whether it is the first one of this thread.
  bool first = true;
};

class Context {
 public:
  explicit Context(const Plan &plan);

  const Value &value(int index) const { return plan.values.at(index); }
  /// Sides of a value; of one that counts images, those of the part that the strip being built works on at a time.
  std::vector<int64_t> dims(int index) const;
  /// The part that this thread works on. Kernels ask for it, and for pointers, before they start threads of their own.
  static Part &part() {
    static thread_local Part own;
    return own;
  }
  /// Where a value, or the part of it that is being worked on, lies; null for an absent one.
  float *data(int index) const { return index < 0 ? nullptr : reinterpret_cast<float *>(pointers[index] + before(index, part())); }
  /// A value seen as blocked: batch, blocks of channels, and the pixels of a plane, of which a part takes one of some equal pieces.
  struct Planes {
    int64_t batch, blocks, height, width, pieces = 1;
    /// Of a plane, that a part takes.
    int64_t pixels() const { return height * width / pieces; }
    /// From a plane to the next one.
    int64_t step() const { return height * width; }
    /// Pixels before a block's plane of an image.
    int64_t plane(int64_t image, int64_t b) const { return (image * blocks + b) * step(); }
    int64_t floats() const { return batch * blocks * pixels() * block; }
  };
  Planes planes(int index) const;
  /// Whether an operation of the plan writes it, as updates write weights.
  bool isWritten(int index) const;

  /// Threads that work on different parts, and threads that a step has for itself.
  int workers() const { return strip.apart ? plan.threads : 1; }
  int team() const { return strip.apart ? 1 : plan.threads; }

  /// Memory that many steps use in turns.
  struct Shared {
    /// Takes note that a step wants so much; the largest wish is granted once all steps are built.
    void want(size_t bytes, bool apart) {
      size_t &most = apart ? apartBytes : togetherBytes;
      most = std::max(most, (bytes + 4095) / 4096 * 4096);
    }
    size_t bytes(int threads) const { return std::max(togetherBytes, threads * apartBytes); }
    float *data() const { return reinterpret_cast<float *>(arena->data() + part().thread * apartBytes); }
    size_t togetherBytes = 0, apartBytes = 0;
    std::unique_ptr<Arena> arena;
  };
  void wantScratch(size_t bytes) { scratchMemory.want(bytes, strip.apart); }
  void wantStaging(size_t bytes) { stagingMemory.want(bytes, strip.apart); }
  /// Scratch of oneDNN's primitives, or partial sums of own kernels.
  float *scratch() const { return scratchMemory.data(); }
  /// Weights or their gradients that are reordered or added right before or after they are used.
  float *staging() const { return stagingMemory.data(); }
  /// Begins a strip.
  void enter(const Strip &next) {
    strip = next;
    heldBytes = 0;
  }
  /// Memory that a step has for itself while its strip runs: a place for `held`.
  size_t hold(size_t bytes) {
    const size_t at = heldBytes;
    heldBytes += (bytes + 63) / 64 * 64;
    heldMemory.want(heldBytes, false);
    return at;
  }
  float *held(size_t at) const { return reinterpret_cast<float *>(heldMemory.arena->data() + at); }
  void allocateShared();
  /// Memory that a step keeps for itself.
  std::shared_ptr<Arena> keep(size_t bytes) {
    keptBytes += bytes;
    return std::make_shared<Arena>(bytes);
  }
  size_t sharedBytes() const { return scratchMemory.bytes(plan.threads) + stagingMemory.bytes(plan.threads) + heldMemory.bytes(1) + keptBytes; }

  const Plan &plan;
  /// The strip whose steps are being built.
  Strip strip{};
  /// What oneDNN chose for the step that is being built, if it is one of its primitives.
  std::string implementation;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  /// How often each value was written: copies of weights in other layouts follow them.
  std::vector<uint64_t> versions;
  /// Layout of each value that is kept as weights; empty until the first convolution that uses it chooses.
  std::vector<dnnl::memory::desc> weightLayouts;

 private:
  /// How far from one image to the next one, from one part's sums to the next one's, and from one thread's own to the next
  /// one's; 0 where there is one for all.
  struct Steps {
    int64_t image = 0, plane = 0, sums = 0, thread = 0;
  };
  /// Bytes of a value that come before what a part works on.
  int64_t before(int index, const Part &part) const {
    const Steps &by = steps[index];
    return part.firstImage * by.image + by.plane / part.pieces * part.piece + (part.firstImage * part.pieces + part.piece) * by.sums + part.thread * by.thread;
  }

  std::vector<char *> pointers;
  std::vector<Steps> steps;
  std::vector<std::unique_ptr<Arena>> persistent;
  std::unique_ptr<Arena> arena;
  Shared scratchMemory, stagingMemory, heldMemory;
  size_t heldBytes = 0, keptBytes = 0;
};

/// Calls `f(i)` for all i below `count`, by a team of threads; a thread that is alone is spared the ceremony.
template <class F>
inline void share(int team, int64_t count, F f) {
  if (team == 1) {
    for (int64_t i = 0; i < count; i++) f(i);
    return;
  }
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < count; i++) f(i);
}

using Builder = Step (*)(Context &, const Operation &);

/// What is built for blocks of float32, or for blocks of bfloat16 where the operation's values are stored so.
template <auto Float32, auto Brief>
auto either(Context &context, const Operation &op) {
  for (const auto *values : {&op.inputs, &op.outputs})
    for (int index : *values)
      if (index >= 0 && context.value(index).precision == Precision::bfloat16) return Brief(context, op);
  return Float32(context, op);
}

/// The builder of a kernel, or null.
Builder builderOf(const std::string &kernel);

}  // namespace regraft
