// The upstream connections of the program: which record uses each one, and the pool of idle ones.
//
// An event's token names the descriptor and its serial, not a record. So a connection that passes from a
// record to the pool or back stays registered with epoll as it is.
#pragma once
#include "../base/links.hpp"
#include "../http/head.hpp"
#include "endpoint.hpp"

namespace net {

// Index from the descriptor of an upstream connection to the record that uses it.
class UpstreamOwners {
 public:
  static constexpr std::uint32_t kIdle = base::kNoIndex;

  // Sets the owner of a connection: the slot of a record, or kIdle. REQUIRES: `upstream` is open.
  void assign(const Endpoint& upstream, std::uint32_t slot);
  // Returns the owner, or null if the connection of that token is closed.
  [[nodiscard]] const std::uint32_t* find(const Token& token) const noexcept;

 private:
  struct Owner {
    std::uint32_t serial = 0;
    std::uint32_t slot = kIdle;
  };
  std::vector<Owner> owners_;  // by descriptor
};

// The pool of idle keep-alive connections to upstreams. Any event closes an idle connection: the upstream has
// closed it, or has sent bytes that no request asked for (RFC 9112 section 9.2).
class UpstreamPool {
 public:
  static constexpr std::size_t kIdleMax = 256;      // capacity; the configured size may be smaller
  static constexpr std::uint64_t kIdleMs = 30'000;  // an idle connection is closed after this

  // Keeps at most min(idle_max, kIdleMax) idle connections; 0: none.
  explicit UpstreamPool(std::size_t idle_max) noexcept;

  // Sets the record that receives the events of this connection.
  void own(const Endpoint& upstream, std::uint32_t slot) { owners_.assign(upstream, slot); }
  // Returns the slot of the record that receives an event; kNoIndex: none. Closes the connection if it is
  // idle.
  std::uint32_t owner(const Token& token) noexcept;

  // An idle connection and the address that it leads to.
  struct IdleConnection {
    Endpoint upstream;     // not open: none
    sys::Address address;  // of the upstream
  };
  // Takes the newest idle connection to `host` and `port` out of the pool, for the record in `slot`. The
  // caller checks that no bytes have arrived on it.
  IdleConnection acquire(std::string_view host, std::uint16_t port, std::uint32_t slot) noexcept;
  // Adds a connection whose last response is complete. Closes the oldest one if the pool is full. `now` in
  // monotonic ms.
  void release(IdleConnection connection, std::string_view host, std::uint16_t port,
               std::uint64_t now) noexcept;

  // Closes the connections that have been idle for kIdleMs.
  void expire(std::uint64_t now) noexcept;
  // The time at which `expire` closes the next one, ms; 0: the pool is empty.
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;
  // Closes all connections and sets a new limit; 0: keep none.
  void reset(std::size_t idle_max) noexcept;
  // Closes the oldest connection to free its descriptor. Returns false if there is none.
  bool close_oldest() noexcept;
  // The number of idle connections.
  [[nodiscard]] std::size_t idle() const noexcept { return count_; }

 private:
  struct Entry {
    Endpoint upstream;
    sys::Address address;
    std::uint64_t since = 0;
    std::uint16_t port = 0;
    std::uint8_t host_length = 0;
    std::array<char, http::kHostBytesMax> host;
    [[nodiscard]] std::string_view host_view() const noexcept { return {host.data(), host_length}; }
  };
  Entry& at(std::size_t index) noexcept { return entries_[order_[index]]; }
  void close(std::size_t index) noexcept;

  std::size_t idle_max_;
  std::size_t count_ = 0;
  std::array<Entry, kIdleMax> entries_;
  std::array<std::uint16_t, kIdleMax>
      order_;  // indices of entries_: the first count_ are in use, oldest first
  UpstreamOwners owners_;
};

}  // namespace net
