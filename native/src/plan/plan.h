// A plan as plain data: values with their place in memory, and operations in the order in which they run.
#pragma once
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "lanes.h"

namespace regraft {

/// How a value lies in memory.
enum class Layout {
  plain,    // row-major, as the outside world has it
  blocked,  // [N, C / block, H, W, block], channels padded with zeros to whole blocks
  weights,  // as the convolution that uses it wants it, both channel axes padded likewise
};

/// How a number is stored.
enum class Precision { float32, bfloat16 };

struct Value {
  std::string name;
  std::vector<int64_t> dims;
  Layout layout = Layout::plain;
  Precision precision = Precision::float32;
  bool persistent = false;
  /// Whether the first axis counts images, so that a strip can work on some of them.
  bool batched = false;
  /// Whether it passes between operations of one strip only: each thread has its own, `threadBytes` after the one before.
  bool local = false;
  size_t bytes = 0;
  size_t offset = 0;  // into the arena, unless persistent
};

struct Operation {
  std::string kernel;
  std::vector<int> inputs, outputs;  // indices of values; -1 where absent
  std::map<std::string, std::vector<double>> numbers;

  double number(const std::string &key, size_t i = 0) const {
    const auto found = numbers.find(key);
    if (found == numbers.end() || i >= found->second.size()) throw std::runtime_error(kernel + " lacks the number '" + key + "'");
    return found->second[i];
  }
  int integer(const std::string &key, size_t i = 0) const { return static_cast<int>(number(key, i)); }
  int in(size_t i) const { return i < inputs.size() ? inputs[i] : -1; }
  int out(size_t i) const { return i < outputs.size() ? outputs[i] : -1; }
};

/// Operations [first, end) that run one after another on `images` images, then on the next ones, `times` times; or, where
/// there are several `pieces`, on one of so many equal ranges of an image's pixels, then on the next.
/// What passes between them is still in the cache when it is needed. Where `apart`, each thread does so by itself with
/// an equal share of the images, and waits for the others only at the strip's end; else all work together on each part.
struct Strip {
  int first, end;
  int64_t images, pieces;
  int times;
  bool apart;
};

struct Plan {
  std::vector<Value> values;
  std::vector<Operation> operations;
  std::vector<Strip> strips;  // all operations, in order
  std::vector<int> inputs, outputs;
  size_t arenaBytes = 0, threadBytes = 0;
  int threads = 1;
};

inline int64_t padded(int64_t channels) { return (channels + block - 1) / block * block; }

}  // namespace regraft
