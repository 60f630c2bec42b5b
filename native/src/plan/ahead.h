// While products keep a thread busy with one part of a strip, it fetches into the cache what the next part will read.
#pragma once
#include <cstdint>
#include <vector>

#include "lanes.h"

namespace regraft {

class Ahead {
 public:
  /// This thread's own; that of a thread that works on no parts has nothing to fetch.
  static Ahead &own() {
    static thread_local Ahead mine;
    return mine;
  }

  /// Forgets what was to be fetched.
  void clear() {
    ranges_.clear();
    next_ = 0;
    each_ = left_ = 0;
  }
  /// Memory that the next part will read.
  void add(const char *at, int64_t bytes) { ranges_.push_back({at, bytes / line}); }
  /// Begins a part: all ranges are fetched in as many steps as the part before had.
  void begin() {
    int64_t lines = 0;
    for (const Range &range : ranges_) lines += range.lines;
    each_ = taken_ > 0 ? (lines + taken_ - 1) / taken_ : 0;
    taken_ = 0;
  }
  /// Begins a strip, whose steps are not known yet.
  void restart() {
    clear();
    taken_ = 0;
  }
  /// Products call it after every few dozen multiply-adds of vectors.
  inline void step() {
    taken_++;
    for (int64_t some = each_; some > 0; some--) {
      if (left_ == 0) {
        if (next_ == ranges_.size()) return;
        at_ = ranges_[next_].at;
        left_ = ranges_[next_++].lines;
      }
      fetch(at_);
      at_ += line;
      left_--;
    }
  }

 private:
  static constexpr int64_t line = 64;
  struct Range {
    const char *at;
    int64_t lines;
  };
  std::vector<Range> ranges_;
  size_t next_ = 0;
  const char *at_ = nullptr;
  int64_t left_ = 0, each_ = 0, taken_ = 0;
};

}  // namespace regraft
