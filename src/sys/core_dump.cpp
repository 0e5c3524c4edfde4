// Core dumps, on Linux.
#include "core_dump.hpp"

#include <sys/mman.h>
#include <sys/resource.h>

#include <climits>

#include "sys.hpp"

namespace sys {

std::string core_folder() {
  rlimit bytes{};
  std::string pattern;
  if (::getrlimit(RLIMIT_CORE, &bytes) != 0 || bytes.rlim_cur == 0) return {};
  if (read_file("/proc/sys/kernel/core_pattern", PATH_MAX, pattern) != 0 || pattern.starts_with('|'))
    return {};
  const std::size_t slash = pattern.rfind('/');
  if (!pattern.starts_with('/') || slash == std::string::npos) return working_directory();
  return pattern.substr(0, slash + 1);
}

void omit_from_core(std::byte* memory, std::size_t bytes) noexcept {
  if (memory != nullptr) ::madvise(memory, bytes, MADV_DONTDUMP);
}

}  // namespace sys
