// A library for LD_PRELOAD: the wall clock of the program is off by the seconds in the file $SOAK_CLOCK.
//
// The file is mapped, so a test changes the clock while the program runs. Other clocks are the kernel's.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

using Clock = int (*)(clockid_t, timespec*);

// The offset in seconds; null without the file.
const volatile std::int64_t* map_offset() noexcept {
  const char* const path = std::getenv("SOAK_CLOCK");
  const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* const page = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  return page == MAP_FAILED ? nullptr : static_cast<const volatile std::int64_t*>(page);
}

}  // namespace

// Called by the program in place of the one of the C library.
extern "C" int clock_gettime(clockid_t clock, timespec* out) {
  static const auto kernel = reinterpret_cast<Clock>(::dlsym(RTLD_NEXT, "clock_gettime"));
  static const volatile std::int64_t* const offset = map_offset();
  const int result = kernel(clock, out);
  if (result == 0 && clock == CLOCK_REALTIME && offset != nullptr) out->tv_sec += *offset;
  return result;
}
