// A bounded pool of pipes for splice(2), which forwards large bodies without copying them into the program. A
// pipe that is returned empty is used again; one that still holds bytes is closed. The first few pipes are
// large, so that few transfers move much at a time; more would exceed the user's limit.
#pragma once
#include <memory>

#include "../sys/sys.hpp"

namespace net {

class Pipes;

// A pipe of the pool.
struct Pipe {
  sys::Fd in, out;       // write end, read end
  std::size_t held = 0;  // bytes in the pipe
  bool large = false;    // its capacity is kPipeBytesMax, not kPipeBytes
  Pipes* home = nullptr;
  Pipe* next = nullptr;  // in a list of the pool
};
// Returns a pipe to its pool.
struct PipeReturn {
  void operator()(Pipe* pipe) const noexcept;
};
using PipePtr = std::unique_ptr<Pipe, PipeReturn>;  // returns the pipe to its pool

// The pool of pipes.
class Pipes {
 public:
  static constexpr std::size_t kSpareMax = 16;  // unused pipes that are kept open
  // Linux limits the pipe buffers of a user to 64 MiB (pipe-user-pages-soft in pipe(7)). All pipes together
  // have 47 MiB.
  static constexpr std::size_t kMost = 512;
  static constexpr std::size_t kLargeMost = 16;   // pipes of kPipeBytesMax
  static constexpr std::uint64_t kIdleMs = 1000;  // after which unused pipes are closed
  static constexpr std::uint32_t kBulkBytes = std::uint32_t{32} * 1024;

  // Opens at most min(most, kMost) pipes, with two descriptors each.
  explicit Pipes(std::size_t most);
  Pipes(const Pipes&) = delete;
  Pipes& operator=(const Pipes&) = delete;

  // Returns an empty pipe; null if none is available.
  PipePtr take() noexcept;
  // Closes the unused pipes if none was used for kIdleMs. `now` in ms. REQUIRES: a call in each turn.
  void expire(std::uint64_t now) noexcept;
  // When `expire` closes pipes, ms; 0: never.
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;
  // Splice is not supported: `take` returns null from now on.
  void disable() noexcept { disabled_ = true; }

  // Pipes in use.
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  // Pipes in use or kept open.
  [[nodiscard]] std::size_t open() const noexcept { return used_ + spares_; }

  std::uint32_t bulk_bytes = kBulkBytes;  // a body that is known to have so many bytes uses a pipe

 private:
  friend struct PipeReturn;
  static constexpr std::uint32_t kRefusals = 1000;  // calls of `take` without a new try after pipe2(2) failed
  void give(Pipe& pipe) noexcept;
  Pipe* opened() noexcept;
  void close(Pipe& pipe) noexcept;

  std::vector<Pipe> pipes_;
  Pipe* spare_ = nullptr;   // open and empty
  Pipe* closed_ = nullptr;  // without descriptors
  std::size_t used_ = 0;
  std::size_t spares_ = 0;
  std::size_t large_ = 0;       // open
  std::uint64_t used_at_ = 0;   // ms, by `expire`
  bool taken_ = false;          // since the last `expire`
  std::uint32_t refusals_ = 0;  // calls left
  bool disabled_ = false;
};

}  // namespace net
