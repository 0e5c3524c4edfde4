// Resolves host names: by c-ares (`cares.cpp`), by the C library (`getaddrinfo.cpp`), or by a test. One of
// them is linked.
#pragma once
#include <memory>

#include "../sys/sys.hpp"

namespace net {

// The addresses of a host, in order of preference.
struct Addresses {
  static constexpr std::size_t kMax = 8;
  std::array<sys::Address, kMax> list{};
  std::uint8_t count = 0;

  // Appends an address; ignores it if the list is full.
  void add(const sys::Address& address) noexcept {
    if (count < kMax) list[count++] = address;
  }
  // The addresses added so far.
  [[nodiscard]] std::span<const sys::Address> all() const noexcept { return {list.data(), count}; }
};

// The result of a query.
struct Found {
  // The outcome of a query.
  enum class What : std::uint8_t { found, not_found, failed, timed_out };
  What what = What::failed;
  std::string host;      // as passed to `ask`
  Addresses addresses;   // found: at least one, best first, port 0
  std::uint64_t ttl_ms;  // found: how long the answer is valid
};

// Runs DNS queries.
class NameSource {
 public:
  // Watches its sockets with `poller`; their events have Token::Kind::resolver.
  explicit NameSource(const sys::Fd& poller);
  ~NameSource();
  NameSource(const NameSource&) = delete;
  NameSource& operator=(const NameSource&) = delete;

  // Starts a query for the addresses of `host`. It may be complete when the call returns.
  void ask(const std::string& host);
  // Takes the next completed query. Returns false if there is none.
  bool next(Found& out);
  // Handles an event of the socket `fd`.
  void process(int fd, const sys::Event& event);
  // The time until `next` must be called even without an event, ms; -1: never.
  [[nodiscard]] int timeout_ms();

  // The name and version of the library, for --version: "c-ares 1.18.1".
  static std::string_view description();

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace net
