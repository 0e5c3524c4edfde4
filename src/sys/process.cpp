// What this process is and uses, on Linux.
#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <memory>

#include "calls.hpp"

namespace sys {
namespace {

std::uint64_t process_cpu_us() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec) / 1000;
}

// The size of the directory is the number of its entries since Linux 6.2 (proc(5)); before, it is 0.
std::uint64_t open_descriptors() noexcept {
  constexpr const char* kDirectory = "/proc/self/fd";
  struct stat status {};
  if (::stat(kDirectory, &status) != 0) return 0;
  if (status.st_size > 0) return static_cast<std::uint64_t>(status.st_size);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir(kDirectory), ::closedir};
  if (!directory) return 0;
  std::uint64_t count = 0;
  while (const dirent* const entry = ::readdir(directory.get())) count += entry->d_name[0] != '.' ? 1 : 0;
  return count - 1;  // the directory's own
}

}  // namespace

ProcessFigures process_figures() {
  ProcessFigures figures{.cpu_us = process_cpu_us(), .descriptors = open_descriptors()};
  std::string pages;
  std::uint64_t size = 0, resident = 0;
  if (read_file("/proc/self/statm", 4096, pages) == 0 &&
      std::sscanf(pages.c_str(), "%" SCNu64 " %" SCNu64, &size, &resident) == 2) {
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    figures.virtual_bytes = size * page_bytes;
    figures.resident_bytes = resident * page_bytes;
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.descriptors_max = limit.rlim_cur;
  return figures;
}

}  // namespace sys
