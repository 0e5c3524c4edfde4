// Limits for each client: open connections, requests and bytes per second.
//
// Requests and bytes have token buckets: a bucket fills at `per_second` up to `burst`, and each use takes
// tokens. Integers in thousandths and milliseconds keep the count exact however often it is read.
//
// The table of clients is bounded. A new client replaces the one that has been without a connection for
// longest, which later starts with full buckets again. If all clients have a connection, a new one is
// refused: this cannot happen if the table holds as many clients as there are connections.
#pragma once
#include "allowance.hpp"
#include "client_index.hpp"

namespace plan {

inline constexpr std::uint64_t kFailureCost = 4;  // requests that a wrong password counts as, besides its own

class TokenBucket {
 public:
  // Fills the bucket. REQUIRES: all functions get the same rate, from 1 to kRateMax per second.
  void fill(const Rate& rate, std::uint64_t now) noexcept;
  // The number of whole tokens; 0 if the bucket is in debt.
  std::uint64_t available(const Rate& rate, std::uint64_t now) noexcept;
  // Takes tokens, even if there are too few. Debt is capped at one burst.
  void take(const Rate& rate, std::uint64_t tokens) noexcept;
  // Milliseconds until `wanted` tokens are available, at most a full burst.
  std::uint64_t wait_ms(const Rate& rate, std::uint64_t wanted, std::uint64_t now) noexcept;

 private:
  void refill(const Rate& rate, std::uint64_t now) noexcept;

  std::int64_t thousandths_ = 0;
  std::uint64_t since_ = 0;  // time of the count
};

// Only the constructor allocates memory. `now` is in milliseconds; if it goes back, no time has passed.
class ClientLimits {
 public:
  // `clients` is at least 1; `key` is random, so that clients cannot choose addresses that hash alike.
  ClientLimits(const Allowance& allowance, std::size_t clients, base::SipKey key);
  ClientLimits(const ClientLimits&) = delete;
  ClientLimits& operator=(const ClientLimits&) = delete;

  // Returns true, and counts the connection until `closed`, if the limit allows it.
  bool may_connect(const sys::Address& client, std::uint64_t now) noexcept;
  // REQUIRES: called once for each connection that was allowed.
  void closed(const sys::Address& client) noexcept;
  // Returns true, and counts the request, if the limit allows it.
  bool may_request(const sys::Address& client, std::uint64_t now) noexcept;
  // A request had a wrong password: it counts as kFailureCost more. Never waits longer than one burst.
  void failed(const sys::Address& client) noexcept;
  // Milliseconds until a request is allowed, for Retry-After (RFC 9110 section 10.2.3).
  std::uint64_t request_wait_ms(const sys::Address& client, std::uint64_t now) noexcept;

  // The number of bytes that may be transferred now; kUnlimited without a limit.
  std::uint64_t bytes_allowed(const sys::Address& client, std::uint64_t now) noexcept;
  void spent(const sys::Address& client, std::uint64_t bytes) noexcept;
  // Milliseconds until `wanted` bytes are allowed. With few `wanted` bytes, transfers come in tiny pieces.
  std::uint64_t wait_ms(const sys::Address& client, std::uint64_t wanted, std::uint64_t now) noexcept;

  [[nodiscard]] std::size_t known() const noexcept { return used_; }
  [[nodiscard]] std::uint32_t connections(const sys::Address& client) const noexcept;

 private:
  struct Client {
    sys::ClientKey key;
    std::uint32_t connections = 0;
    std::uint32_t next = base::kNoIndex;  // of `index_`
    TokenBucket requests, bytes;
    base::Links idle;
  };
  using IdleQueue = base::IndexQueue<Client, &Client::idle>;

  [[nodiscard]] std::uint32_t find(const sys::Address& client) const noexcept;
  Client* find_or_add(const sys::Address& address, std::uint64_t now) noexcept;
  std::uint32_t place() noexcept;
  void touch(std::uint32_t index) noexcept;

  Allowance allowance_;
  std::vector<Client> clients_;
  ClientIndex<Client> index_;
  IdleQueue idle_;  // clients without a connection, longest first
  std::uint32_t used_ = 0;
};

}  // namespace plan
