// Who looks names up: c-ares (`cares.cpp`), the C library (`getaddrinfo.cpp`), or a test. One of them is
// linked.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "../sys/sys.hpp"

namespace net {

struct Addresses {
  static constexpr std::size_t kMax = 8;
  std::array<sys::Address, kMax> list{};
  std::uint8_t count = 0;

  void add(const sys::Address& address) noexcept {
    if (count < kMax) list[count++] = address;
  }
  [[nodiscard]] std::span<const sys::Address> all() const noexcept { return {list.data(), count}; }
};

struct Found {
  enum class What : std::uint8_t { found, not_found, failed, timed_out };
  What what = What::failed;
  std::string host;      // as it was asked for
  Addresses addresses;   // found: at least one, best first, port 0
  std::uint64_t ttl_ms;  // found: how long it may be believed
};

class NameSource {
 public:
  explicit NameSource(
      const sys::Fd& poller);  // its descriptors are watched there, with Token::Kind::resolver
  ~NameSource();
  NameSource(const NameSource&) = delete;
  NameSource& operator=(const NameSource&) = delete;

  void ask(const std::string& host);  // a look-up begins; it may also be done at once
  bool next(Found& out);              // a look-up that is done; false: none at the moment
  void process(int fd, const sys::Event& event);
  [[nodiscard]] int timeout_ms();  // until `next` must be called even without an event; -1: need not

  // "c-ares 1.18.1", for --version.
  static std::string_view description();

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace net
