#include "tiles/tiles.h"

#include <cerrno>
#include <cstdlib>
#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "lanes.h"

namespace regraft::tiles {

namespace {

Found look() {
  // What lies in blocks of eight channels has no rows of a tile.
  if (block != side) return {Kind::none, "this CPU's blocks of channels are not as wide as a tile"};
  const char *wanted = getenv("REGRAFT_TILES");
  if (wanted && std::string(wanted) == "portable") return {Kind::portable, ""};
  if (wanted && std::string(wanted) == "none") return {Kind::none, "switched off by REGRAFT_TILES"};
#if defined(REGRAFT_AMX)
  // Linux gives a process the memory for tile registers when it asks: Documentation/arch/x86/xstate.rst.
  constexpr long request = 0x1023, tileData = 18;
  if (syscall(SYS_arch_prctl, request, tileData) == 0) return {Kind::amx, ""};
  return {Kind::none, std::string("Linux does not let this process use AMX (") + strerror(errno) + "); it takes Linux 5.16 or later, and a container that allows arch_prctl"};
#else
  return {Kind::none, "this CPU has no AMX"};
#endif
}

}  // namespace

const Found &found() {
  static const Found once = look();
  return once;
}

}  // namespace regraft::tiles
