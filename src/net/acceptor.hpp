// A listening socket, and what to do when the system has no descriptor for one who knocks.
#pragma once
#include <cstdint>
#include <string_view>

#include "../sys/sys.hpp"

namespace net {

class Acceptor {
 public:
  Acceptor(sys::Fd fd, const sys::Address& address) noexcept;

  void mark() noexcept { readable_ = true; }
  // Somebody may be waiting, and it is not in a pause.
  [[nodiscard]] bool ready(std::uint64_t now) const noexcept { return readable_ && now >= pause_until_; }
  // When the pause ends; 0: there is none, or nobody waits.
  [[nodiscard]] std::uint64_t wakes_at() const noexcept { return readable_ ? pause_until_ : 0; }
  // A descriptor has become free: try again at once.
  void resume() noexcept { pause_until_ = 0; }

  // The next client, or no descriptor if there is none now (`ready` says whether to ask again).
  // With no descriptor left at all, the spare one is used to tell the client `refusal`, so that it does not
  // hang; when not even that helps, the listener pauses for kPauseMs instead of spinning.
  sys::Fd accept(sys::Address& peer, std::uint64_t now, std::string_view refusal) noexcept;

  [[nodiscard]] const sys::Fd& fd() const noexcept { return fd_; }
  [[nodiscard]] const sys::Address& address() const noexcept { return address_; }

  static constexpr std::uint64_t kPauseMs = 1000;
  static constexpr int kBacklog = 4096;  // the kernel lowers it to net.core.somaxconn

 private:
  void turn_away(std::string_view refusal, std::uint64_t now) noexcept;
  void refuse_one(std::string_view refusal, std::uint64_t now) noexcept;

  sys::Fd fd_;
  sys::Fd spare_;
  sys::Address address_;
  std::uint64_t pause_until_ = 0;
  bool readable_ = false;
};

}  // namespace net
