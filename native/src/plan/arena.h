// Memory that a program holds: one anonymous mapping, in huge pages where the system gives them, touched before it is used.
#pragma once
#include <cstddef>

namespace regraft {

class Arena {
 public:
  /// Throws std::runtime_error where the system has not that much.
  explicit Arena(size_t bytes);
  ~Arena();
  Arena(const Arena &) = delete;
  Arena &operator=(const Arena &) = delete;
  char *data() const { return data_; }

 private:
  char *data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace regraft
