// The source of a response body that the proxy itself serves: a file, a page, a compressed stream.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace base {

// A range of an open file.
struct FileRange {
  int fd = -1;  // -1: none
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // bytes, at least 1
};

// Produces a body, piece by piece or as ranges of a file.
class BodySource {
 public:
  enum class Got : std::uint8_t {
    some,    // `bytes` bytes were written, at least one
    none,    // work was done, and no bytes are ready yet: call again
    end,     // the body is complete
    failed,  // the body cannot be completed
  };
  // The result of `produce`.
  struct Produced {
    Got got;
    std::size_t bytes;
  };

  BodySource() = default;
  virtual ~BodySource() = default;
  BodySource(const BodySource&) = delete;
  BodySource& operator=(const BodySource&) = delete;

  // Returns the file range that holds the next bytes unchanged, for sendfile(2); fd -1: use `produce`.
  [[nodiscard]] virtual FileRange range() const noexcept { return {}; }
  // Reports that `bytes` of `range()` were sent.
  virtual void sent(std::uint64_t /*bytes*/) noexcept {}
  // Writes the next bytes to `room`. One call does a bounded piece of work. REQUIRES: `room` is not empty.
  virtual Produced produce(std::span<std::byte> room) noexcept = 0;
  // The number of open descriptors that it alone uses.
  [[nodiscard]] virtual std::size_t descriptors() const noexcept { return 0; }
  // The units of work done so far (TurnBudget).
  [[nodiscard]] std::uint64_t work() const noexcept { return work_; }

 protected:
  void worked(std::uint64_t units) noexcept { work_ += units; }

 private:
  std::uint64_t work_ = 0;
};

}  // namespace base
