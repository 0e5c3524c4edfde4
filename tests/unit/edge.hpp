// Text at the edge of memory, for tests of parsers.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace support {

// Memory that ends right before an unreadable page: a read beyond the end of a text crashes.
class Edge {
 public:
  explicit Edge(std::size_t most) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    readable_ = (most + page - 1) / page * page;
    whole_ = readable_ + page;
    void* const memory = ::mmap(nullptr, whole_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    memory_ = static_cast<char*>(memory);
    if (::mprotect(memory_ + readable_, page, PROT_NONE) != 0) std::abort();
  }
  ~Edge() { ::munmap(memory_, whole_); }
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  // The text at the end of that memory; valid until the next call.
  std::string_view put(std::string_view text) {
    char* const begin = memory_ + readable_ - text.size();
    std::memcpy(begin, text.data(), text.size());
    return {begin, text.size()};
  }

 private:
  std::size_t readable_ = 0, whole_ = 0;
  char* memory_ = nullptr;
};

}  // namespace support
