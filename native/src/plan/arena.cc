#include "plan/arena.h"

#include <sys/mman.h>

#include <cstring>
#include <stdexcept>
#include <string>

namespace regraft {

Arena::Arena(size_t bytes) : bytes_(bytes == 0 ? 1 : bytes) {
  void *mapped = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::runtime_error("the system has no " + std::to_string(bytes) + " bytes of memory left");
  madvise(mapped, bytes_, MADV_HUGEPAGE);
  data_ = static_cast<char *>(mapped);
  memset(data_, 0, bytes_);
}

Arena::~Arena() {
  if (data_) munmap(data_, bytes_);
}

}  // namespace regraft
