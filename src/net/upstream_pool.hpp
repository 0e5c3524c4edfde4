// Connections to upstreams: whose each is, and those that wait for another request to the same origin.
//
// An event names the descriptor and its serial number, not a record: so a connection that changes hands is
// not registered anew. While one waits here, any event ends it: its origin has closed it, or has sent what
// nobody asked for (RFC 9112 section 9.2).
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "../base/links.hpp"
#include "../http/head.hpp"
#include "endpoint.hpp"

namespace net {

class UpstreamPool {
 public:
  static constexpr std::size_t kIdleMax = 256;  // the table's size; the user may choose less
  static constexpr std::uint64_t kIdleMs = 30'000;

  // At most `idle_max` wait here; 0: none.
  explicit UpstreamPool(std::size_t idle_max) noexcept;

  // From now on events of this connection are for the record in `slot`.
  void own(const Endpoint& upstream, std::uint32_t slot);
  // The slot of the record that an event is for; kNoIndex: of none. If the connection waits here, it is
  // closed.
  std::uint32_t owner(const Token& token) noexcept;

  // The youngest connection to that origin, for the record in `slot`: open, and nothing has come on it. Its
  // fd is none if there is none.
  struct IdleConnection {
    Endpoint upstream;
    sys::Address address;  // that it leads to
  };
  IdleConnection acquire(std::string_view host, std::uint16_t port, std::uint32_t slot) noexcept;
  // Keeps a connection whose last message is complete. If there is no room, the oldest goes.
  void release(IdleConnection spare, std::string_view host, std::uint16_t port, std::uint64_t now) noexcept;

  // Closes those that have waited for too long.
  void expire(std::uint64_t now) noexcept;
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;  // ms; 0: never
  // Closes all, and keeps so many from now on; 0: none.
  void reset(std::size_t idle_max) noexcept;
  // Closes the oldest, to have its descriptor back. False: there is none.
  bool close_oldest() noexcept;

  [[nodiscard]] std::size_t idle() const noexcept { return count_; }

 private:
  struct Idle {
    Endpoint upstream;
    sys::Address address;
    std::uint64_t since = 0;
    std::uint16_t port = 0;
    std::uint8_t host_length = 0;
    std::array<char, http::kHostBytesMax> host;
    [[nodiscard]] std::string_view host_view() const noexcept { return {host.data(), host_length}; }
  };
  struct Owner {
    std::uint32_t serial = 0;
    std::uint32_t slot = base::kNoIndex;  // kNoIndex: it waits here, or is closed
  };
  Idle& at(std::size_t place) noexcept { return idle_[order_[place]]; }
  void drop(std::size_t place) noexcept;

  std::size_t idle_max_;
  std::size_t count_ = 0;
  std::array<Idle, kIdleMax> idle_;
  std::array<std::uint16_t, kIdleMax> order_;  // of idle_: the first count_ are in use, oldest first
  std::vector<Owner> owners_;                  // by descriptor
};

}  // namespace net
