// How much one client may have: connections at once, requests and bytes in a second. A client is an IPv4
// address or an IPv6 /64, which is what one subscriber gets (RFC 6177): within it addresses are free.
//
// Requests and bytes are counted by token buckets: what is left in a bucket grows by `per_second` up to
// `burst`, and each use takes from it. All is integer arithmetic in thousandths and milliseconds, so nothing
// is lost by asking often.
//
// The table is bounded. A client that is not in it takes the place of the one that has had no connection for
// longest; one with a connection keeps its place. If all have one, a new client is refused: with room for as
// many clients as there are connections at most, that cannot be. Who is forgotten starts with full buckets
// again.
#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "../base/links.hpp"
#include "../base/siphash.hpp"
#include "../sys/address.hpp"

namespace plan {

inline constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();
inline constexpr std::uint64_t kRateMax = std::uint64_t{1} << 40;  // so that thousandths fit well

struct Rate {
  std::uint64_t per_second = 0;  // 0: no limit
  std::uint64_t burst = 0;       // at once, after a pause; 0: as much as in a second
  bool operator==(const Rate&) const = default;
};

struct Allowance {
  Rate requests;
  Rate bytes;
  std::uint32_t connections = 0;  // 0: no limit
  [[nodiscard]] bool is_limited() const noexcept {
    return requests.per_second != 0 || bytes.per_second != 0 || connections != 0;
  }
  bool operator==(const Allowance&) const = default;
};

class TokenBucket {
 public:
  // Full. REQUIRES: the rate is of at most kRateMax, and limited, in all functions the same.
  void fill(const Rate& rate, std::uint64_t now) noexcept;
  // Whole tokens that are there; 0 also in debt.
  std::uint64_t available(const Rate& rate, std::uint64_t now) noexcept;
  // May make a debt of one burst; beyond that it is forgiven, lest one mistake stop a client for ever.
  void take(const Rate& rate, std::uint64_t tokens) noexcept;
  // Milliseconds until `wanted` tokens are there, or the burst if that is less.
  std::uint64_t wait_ms(const Rate& rate, std::uint64_t wanted, std::uint64_t now) noexcept;

 private:
  void refill(const Rate& rate, std::uint64_t now) noexcept;

  std::int64_t thousandths_ = 0;
  std::uint64_t since_ = 0;  // when they were counted
};

// Memory is taken by the constructor alone. `now` is in milliseconds and does not go back; if it does, that
// counts as no time.
class Limits {
 public:
  // `clients` is at least 1; `key` is to be random, so that nobody can choose addresses that fall together.
  Limits(const Allowance& allowance, std::size_t clients, base::SipKey key);
  Limits(const Limits&) = delete;
  Limits& operator=(const Limits&) = delete;

  // If true, the connection counts until `closed`.
  bool may_connect(const sys::Address& client, std::uint64_t now) noexcept;
  // REQUIRES: once for each connection that was allowed.
  void closed(const sys::Address& client) noexcept;
  // If true, the request is counted.
  bool may_request(const sys::Address& client, std::uint64_t now) noexcept;
  // Until a request would be allowed: for Retry-After (RFC 9110 section 10.2.3).
  std::uint64_t request_wait_ms(const sys::Address& client, std::uint64_t now) noexcept;

  // How many bytes may be moved now; kUnlimited without a limit.
  std::uint64_t bytes_allowed(const sys::Address& client, std::uint64_t now) noexcept;
  void spent(const sys::Address& client, std::uint64_t bytes) noexcept;
  // Until `wanted` bytes are allowed. More than one, or the client's bytes go in tiny pieces.
  std::uint64_t wait_ms(const sys::Address& client, std::uint64_t wanted, std::uint64_t now) noexcept;

  [[nodiscard]] std::size_t known() const noexcept { return used_; }
  [[nodiscard]] std::uint32_t connections(const sys::Address& client) const noexcept;

 private:
  struct Client {
    std::uint64_t network = 0;  // IPv4: the address; IPv6: its upper half
    bool ipv6 = false;
    std::uint32_t connections = 0;
    std::uint32_t next = base::kNoIndex;  // in the same bucket of the table
    TokenBucket requests, bytes;
    base::Links idle;
    [[nodiscard]] bool is(const Client& other) const noexcept {
      return network == other.network && ipv6 == other.ipv6;
    }
  };
  using IdleQueue = base::IndexQueue<Client, &Client::idle>;

  static Client key_of(const sys::Address& address) noexcept;
  [[nodiscard]] std::size_t bucket_of(const Client& client) const noexcept;
  [[nodiscard]] std::uint32_t find(const Client& wanted) const noexcept;
  Client* take_up(const sys::Address& address, std::uint64_t now) noexcept;
  std::uint32_t place() noexcept;
  void forget(std::uint32_t index) noexcept;
  void touch(std::uint32_t index) noexcept;

  Allowance allowance_;
  base::SipKey key_;
  std::vector<Client> clients_;
  std::vector<std::uint32_t> table_;  // first of each bucket
  IdleQueue idle_;                    // without a connection, longest first
  std::uint32_t used_ = 0;
};

}  // namespace plan
