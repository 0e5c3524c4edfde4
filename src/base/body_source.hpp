// Where a message comes from if not from a peer: a file, a page, something that is made as it goes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace base {

// The next bytes lie in a file. fd -1: they do not.
struct FileRange {
  int fd = -1;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // at least 1
};

class BodySource {
 public:
  enum class Got : std::uint8_t {
    some,    // `bytes` are there, at least one
    end,     // that was all
    failed,  // it breaks off
  };
  struct Produced {
    Got got;
    std::size_t bytes;
  };

  BodySource() = default;
  virtual ~BodySource() = default;
  BodySource(const BodySource&) = delete;
  BodySource& operator=(const BodySource&) = delete;

  // If the next bytes lie in a file as they are, they can be sent from there; `sent` tells how many were.
  [[nodiscard]] virtual FileRange range() const noexcept { return {}; }
  virtual void sent(std::uint64_t /*bytes*/) noexcept {}
  // Puts the next bytes to `room`, which is not empty.
  virtual Produced produce(std::span<std::byte> room) noexcept = 0;
};

}  // namespace base
