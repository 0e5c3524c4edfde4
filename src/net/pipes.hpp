// Pipes that bulk goes through from one socket to the other without being looked at (splice(2)). A bounded
// pool: a pipe that comes back empty is used again, one that holds bytes nobody wants any more is closed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "../sys/sys.hpp"

namespace net {

class Pipes;

struct Pipe {
  sys::Fd in, out;       // written to, read from
  std::size_t held = 0;  // bytes in it
  Pipes* home = nullptr;
  Pipe* next = nullptr;  // in one of the pool's lists
};
struct PipeReturn {
  void operator()(Pipe* pipe) const noexcept;
};
using PipePtr = std::unique_ptr<Pipe, PipeReturn>;  // goes back when it goes out of scope

class Pipes {
 public:
  static constexpr std::size_t kSpareMax = 16;  // kept open though nobody uses them
  // Linux gives one user full-sized pipes for 64 MiB (pipe-user-pages-soft in pipe(7)); this is half of that.
  static constexpr std::size_t kMost = 512;
  static constexpr std::uint32_t kBulkBytes = std::uint32_t{256} * 1024;

  // At most `most` pipes are open, each with two descriptors.
  explicit Pipes(std::size_t most);
  Pipes(const Pipes&) = delete;
  Pipes& operator=(const Pipes&) = delete;

  // An empty pipe; null if there is none to be had now.
  PipePtr take() noexcept;
  // The kernel does not splice these sockets: nothing is to be had from now on.
  void give_up() noexcept { given_up_ = true; }

  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  [[nodiscard]] std::size_t open() const noexcept { return used_ + spares_; }

  std::uint32_t bulk_bytes = kBulkBytes;  // a body of which so much has gone through is bulk

 private:
  friend struct PipeReturn;
  static constexpr std::uint32_t kPatience = 1000;
  void give(Pipe& pipe) noexcept;
  Pipe* opened() noexcept;

  std::vector<Pipe> pipes_;
  Pipe* spare_ = nullptr;   // open and empty
  Pipe* closed_ = nullptr;  // without descriptors
  std::size_t used_ = 0;
  std::size_t spares_ = 0;
  std::uint32_t refusals_ = 0;  // still to be given without asking the kernel, which had no pipe
  bool given_up_ = false;
};

}  // namespace net
