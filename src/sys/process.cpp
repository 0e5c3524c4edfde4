// What this process is and uses, on Linux.
#include <dirent.h>
#include <elf.h>
#include <link.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <utility>

#include "../base/text.hpp"
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

// ---- crashes ---------------------------------------------------------------------------------------------

// SIGPIPE does not end the program as long as it is ignored (`make_signalfd`).
constexpr std::array<std::pair<int, std::string_view>, 6> kCrashes{{{SIGSEGV, "SIGSEGV"},
                                                                    {SIGABRT, "SIGABRT"},
                                                                    {SIGBUS, "SIGBUS"},
                                                                    {SIGFPE, "SIGFPE"},
                                                                    {SIGILL, "SIGILL"},
                                                                    {SIGPIPE, "SIGPIPE"}}};
CrashHandler crash_handler = nullptr;
std::array<struct sigaction, kCrashes.size()> actions_before;

void restore_actions() noexcept {
  for (std::size_t i = 0; i < kCrashes.size(); ++i)
    ::sigaction(kCrashes[i].first, &actions_before[i], nullptr);
}

// The signal is blocked until this returns, and then has its former effect. A crash in the handler has it at
// once.
void handle_crash(int signal) {
  restore_actions();
  const auto* const found = std::find_if(kCrashes.begin(), kCrashes.end(),
                                         [signal](const auto& row) { return row.first == signal; });
  crash_handler(found->second);
  ::raise(signal);
}

// ---- the build ID ----------------------------------------------------------------------------------------

constexpr std::size_t padded(std::size_t bytes) noexcept { return (bytes + 3) / 4 * 4; }

// Of the notes in a segment (elf(5)), the build ID; empty: it is not there.
std::string build_id_in(const char* at, std::size_t bytes) {
  while (bytes >= sizeof(ElfW(Nhdr))) {
    const auto* const note = reinterpret_cast<const ElfW(Nhdr)*>(at);
    const std::size_t begin = sizeof *note + padded(note->n_namesz), size = begin + padded(note->n_descsz);
    if (size > bytes) return {};
    if (note->n_type == NT_GNU_BUILD_ID && std::string_view{at + sizeof *note, 3} == "GNU") {
      std::string text;
      for (const char byte : std::string_view{at + begin, note->n_descsz})
        for (const int shift : {4, 0})
          text += base::kHexDigits[static_cast<unsigned char>(byte) >> shift & 15];
      return text;
    }
    at += size;
    bytes -= size;
  }
  return {};
}

// For dl_iterate_phdr(3), which begins with the program itself.
int find_build_id(dl_phdr_info* object, std::size_t /*size*/, void* out) {
  std::string& found = *static_cast<std::string*>(out);
  for (std::size_t i = 0; i < object->dlpi_phnum && found.empty(); ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the program's own memory, by its address
    const auto* const at = reinterpret_cast<const char*>(object->dlpi_addr + segment.p_vaddr);
    if (segment.p_type == PT_NOTE) found = build_id_in(at, segment.p_memsz);
  }
  return 1;  // no further object
}

}  // namespace

int on_crash(CrashHandler handler) noexcept {
  alignas(16) static std::array<std::byte, std::size_t{128} * 1024> stack;
  const bool was_set = std::exchange(crash_handler, handler) != nullptr;
  if (handler == nullptr && was_set) restore_actions();
  if (handler == nullptr || was_set) return 0;
  const stack_t own{.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
  if (::sigaltstack(&own, nullptr) != 0) return errno;
  struct sigaction action {};
  action.sa_handler = handle_crash;
  action.sa_flags = SA_ONSTACK;
  for (std::size_t i = 0; i < kCrashes.size(); ++i) {
    struct sigaction& before = actions_before[i];
    if (::sigaction(kCrashes[i].first, nullptr, &before) != 0) return errno;
    if (before.sa_handler == SIG_IGN) continue;
    if (::sigaction(kCrashes[i].first, &action, &before) != 0) return errno;
  }
  return 0;
}

std::uint32_t process_id() noexcept { return static_cast<std::uint32_t>(::getpid()); }

std::string build_id() {
  std::string found;
  ::dl_iterate_phdr(find_build_id, &found);
  return found;
}

ProcessFigures process_figures() {
  ProcessFigures figures{.cpu_us = process_cpu_us(), .descriptors = open_descriptors()};
  // The size, a blank, the resident part, ... (proc(5)).
  if (std::string pages; read_file("/proc/self/statm", 4096, pages) == 0) {
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    char* rest = pages.data();
    figures.virtual_bytes = std::strtoull(rest, &rest, 10) * page_bytes;
    figures.resident_bytes = std::strtoull(rest, &rest, 10) * page_bytes;
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.descriptors_max = limit.rlim_cur;
  return figures;
}

}  // namespace sys
