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

// Where an upstream connection leads: requests with equal keys can share one.
struct UpstreamKey {
  std::string_view host;  // a name, an address, or the path of a Unix socket; compared ignoring case
  std::uint16_t port = 0;
  std::uint16_t parent = 0;  // number of the upstream proxy that it leads to or through; 0: none
};

// An idle connection.
struct IdleConnection {
  Endpoint upstream;         // not open: none
  sys::Address address;      // that it leads to
  std::uint64_t client = 0;  // id of the client connection that alone may use it; 0: any
  std::uint64_t wait = 0;    // Worker::waits when it became idle
};

// Idle connections in the order in which they became idle.
class IdleList {
 public:
  static constexpr std::size_t kMax = 256;
  static constexpr std::size_t kNone = kMax;  // no index

  IdleList() noexcept;

  [[nodiscard]] std::size_t count() const noexcept { return count_; }  // at most kMax
  // The newest one to `key` for that client (IdleConnection::client); kNone: there is none.
  [[nodiscard]] std::size_t find(const UpstreamKey& key, std::uint64_t client) const noexcept;
  // The one with this serial, or kNone.
  [[nodiscard]] std::size_t find(std::uint32_t serial) const noexcept;
  // When the oldest one became idle, ms. REQUIRES: the list is not empty.
  [[nodiscard]] std::uint64_t oldest_since() const noexcept { return entries_[order_[0]].since; }

  // Adds the newest. REQUIRES: count() < kMax.
  void add(IdleConnection connection, const UpstreamKey& key, std::uint64_t now) noexcept;
  // Removes the one at `index` and returns it. REQUIRES: index < count(); 0 is the oldest.
  IdleConnection take(std::size_t index) noexcept;
  // Closes all that belong to that client.
  void close_of(std::uint64_t client) noexcept;

 private:
  struct Entry {
    IdleConnection connection;
    std::uint64_t since = 0;
    std::uint16_t port = 0;
    std::uint16_t parent = 0;
    std::uint8_t host_length = 0;
    std::array<char, http::kHostBytesMax> host;
    [[nodiscard]] std::string_view host_view() const noexcept { return {host.data(), host_length}; }
  };

  std::size_t count_ = 0;
  std::array<Entry, kMax> entries_;
  std::array<std::uint16_t, kMax> order_;  // indices of entries_: the first count_ are in use, oldest first
};

// The pool of idle keep-alive connections to upstreams. Any event closes an idle connection: the upstream has
// closed it, or has sent bytes that no request asked for (RFC 9112 section 9.2).
//
// A connection that a client has logged in (http/connection_login.hpp) is bound to the client's connection:
// it serves no other, ends with it, and neither counts against the limit nor expires.
class UpstreamPool {
 public:
  static constexpr std::size_t kIdleMax = IdleList::kMax;  // capacity; the configured size may be smaller
  static constexpr std::uint64_t kIdleMs = 30'000;         // an idle connection is closed after this

  // Keeps at most min(idle_max, kIdleMax) idle connections that are not bound; 0: none.
  explicit UpstreamPool(std::size_t idle_max) noexcept;

  // Sets the record that receives the events of this connection.
  void own(const Endpoint& upstream, std::uint32_t slot) { owners_.assign(upstream, slot); }
  // Returns the slot of the record that receives an event; kNoIndex: none. Closes the connection if it is
  // idle.
  std::uint32_t owner(const Token& token) noexcept;

  // Takes the newest idle connection to `key` that is bound to no client out of the pool, for the record in
  // `slot`. The caller checks that no bytes have arrived on it.
  IdleConnection acquire(const UpstreamKey& key, std::uint32_t slot) noexcept;
  // The same for a connection bound to `client`. REQUIRES: client != 0.
  IdleConnection acquire_bound(const UpstreamKey& key, std::uint64_t client, std::uint32_t slot) noexcept;
  // A connection to `key` is bound to `client`.
  [[nodiscard]] bool has_bound(const UpstreamKey& key, std::uint64_t client) const noexcept {
    return bound_.find(key, client) != IdleList::kNone;
  }
  // Adds a connection whose last response is complete. Closes the oldest one if there is no room. `now` in
  // monotonic ms.
  void release(IdleConnection connection, const UpstreamKey& key, std::uint64_t now) noexcept;
  // That client's connection ends: closes the connections bound to it.
  void close_bound(std::uint64_t client) noexcept { bound_.close_of(client); }

  // Closes the connections that have been idle for kIdleMs, unless they are bound.
  void expire(std::uint64_t now) noexcept;
  // The time at which `expire` closes the next one, ms; 0: there is none.
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;
  // Closes all connections and sets a new limit; 0: keep none.
  void reset(std::size_t idle_max) noexcept;
  // Closes the oldest connection to free its descriptor; a bound one if there is no other. Returns false if
  // there is none.
  bool close_oldest() noexcept;
  // The number of idle connections, bound ones included.
  [[nodiscard]] std::size_t idle() const noexcept { return shared_.count() + bound_.count(); }
  // The number of bound ones.
  [[nodiscard]] std::size_t bound() const noexcept { return bound_.count(); }

 private:
  IdleConnection take(IdleList& list, std::size_t index, std::uint32_t slot) noexcept;

  std::size_t idle_max_;
  IdleList shared_, bound_;
  UpstreamOwners owners_;
};

}  // namespace net
