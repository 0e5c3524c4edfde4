// The lens makes the network as difficult as the manual pages allow, so that one can watch how the event loop
// copes: short reads and writes, EAGAIN, EINTR, resets, late and reordered events, no free descriptor.
//
// It stands between the functions of sys.hpp and the kernel (call_trace.cpp), Linux or the simulated one. It
// changes stream sockets that are watched, and listeners. It does nothing that a kernel could not do: after
// an EAGAIN or a short read of its own it makes up the edge that the kernel will not send, and delivers it
// with a later `wait`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../base/draws.hpp"
#include "lens_settings.hpp"
#include "sys.hpp"

namespace sys {

class Lens {
 public:
  // The result of a call, and what the lens did to it.
  template <class Result>
  struct Seen {
    Result result;
    bool forced = false;       // the result is not the kernel's
    bool interrupted = false;  // it failed with EINTR first, and was repeated
  };

  // Allocates all memory that it needs.
  explicit Lens(const LensSettings& settings);

  // The calls of sys.hpp.
  Seen<Io> receive(const Fd& socket, std::span<std::byte> into) noexcept;
  Seen<Io> transmit(const Fd& socket, std::span<const std::byte> from) noexcept;
  Seen<Io> splice_in(const Fd& socket, const Fd& in, std::size_t most) noexcept;
  Seen<Io> splice_out(const Fd& out, const Fd& socket, std::size_t bytes) noexcept;
  Seen<Io> send_file(const Fd& socket, int file, std::uint64_t& offset, std::size_t bytes) noexcept;
  Seen<Opened> accept(const Fd& listener, Address& peer) noexcept;
  Seen<Opened> connect(const Address& address) noexcept;
  Seen<Opened> connect_local(const char* path) noexcept;
  Waited wait(const Fd& poller, std::span<Event> into, int timeout_ms) noexcept;

  // After `sys::watch` or `sys::rearm`.
  void watched(int fd, std::uint64_t token) noexcept;
  // Before close(2).
  void closed(int fd) noexcept;
  // True if an event of the descriptor is held back: the kernel's readiness is not known to the program yet.
  [[nodiscard]] bool holds(int fd) const noexcept;

 private:
  enum class Way : std::uint8_t { read, write };

  // What is known of a descriptor.
  struct Descriptor {
    std::uint64_t token = 0;
    base::Draws draws{0};
    bool stream = false;                         // made by accept or connect
    bool watched = false;                        // `token` is set
    bool connecting = false;                     // the handshake may be under way
    bool broken = false;                         // reset by the lens
    bool ended = false;                          // broken, and all that had arrived was read
    bool owes_read = false, owes_write = false;  // a made-up edge is due
  };
  // An event that was not delivered yet.
  struct Held {
    Event event;
    std::uint64_t due;  // ms
    int fd;             // of a made-up edge; -1: an event of the kernel
  };

  static constexpr std::size_t kDescriptorsMax = 65'536;  // larger descriptors are left alone
  static constexpr std::size_t kHeldMax = 16'384;         // events of the kernel

  Descriptor* find(int fd) noexcept;
  void add_stream(const Fd& socket, bool connecting) noexcept;
  void owe(int fd, Descriptor& descriptor, Way way) noexcept;
  void hold(const Event& event, int fd) noexcept;
  void break_connection(const Fd& socket, Descriptor& descriptor) noexcept;
  [[nodiscard]] static bool is_connecting(const Fd& socket, Descriptor& descriptor) noexcept;
  [[nodiscard]] bool out_of_descriptors() const noexcept;
  [[nodiscard]] int shortened(int timeout_ms) const noexcept;
  std::size_t deliver(std::span<Event> into) noexcept;
  void shuffle(std::span<Event> events) noexcept;
  template <class Raw>
  Seen<Io> transfer(const Fd& socket, Way way, std::size_t wanted, Raw raw) noexcept;
  template <class Raw>
  static Seen<Io> after_reset(Descriptor& descriptor, Way way, std::size_t wanted, Raw raw) noexcept;
  template <class Raw>
  Seen<Opened> open(bool connecting, Raw raw) noexcept;

  const LensSettings settings_;
  base::Draws draws_;
  std::uint64_t streams_ = 0;            // made so far
  std::vector<Descriptor> descriptors_;  // by number
  std::vector<Held> held_;               // in the order of their events; `due` does not decrease
};

}  // namespace sys
