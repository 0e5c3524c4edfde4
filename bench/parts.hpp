// What the programs of `make bench` share: command line, errors, listening, and the fields of a head.
#pragma once
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

#include "../src/sys/sys.hpp"

namespace bench {

// Prints the message and ends the program.
[[noreturn]] inline void fail(std::string_view what, std::string_view detail = {}) {
  std::fprintf(stderr, "bench: %.*s %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(detail.size()), detail.data());
  std::exit(1);
}

// The same, with an errno.
[[noreturn]] inline void fail(std::string_view what, int error) { fail(what, std::strerror(error)); }

// Returns the decimal number at the beginning of `text`; 0 if there is none.
inline std::uint64_t number_at(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The command line: `--name VALUE` and `--flag`.
class Arguments {
 public:
  Arguments(int count, char** values) : all_(values, static_cast<std::size_t>(count)) {}

  [[nodiscard]] bool has(std::string_view name) const { return at(name) != nullptr; }
  // Returns the value after `name`; empty if there is none.
  [[nodiscard]] std::string_view text(std::string_view name) const {
    const char* const* const found = at(name);
    return found != nullptr && found != &all_.back() ? found[1] : "";
  }
  // Returns the number after `name`, or `otherwise`.
  [[nodiscard]] std::uint64_t number(std::string_view name, std::uint64_t otherwise) const {
    return has(name) ? number_at(text(name)) : otherwise;
  }

 private:
  [[nodiscard]] const char* const* at(std::string_view name) const {
    for (char* const& value : all_)
      if (name == value) return &value;
    return nullptr;
  }
  std::span<char*> all_;
};

// Returns the value of a field with a lower-case name, as in "\r\ncontent-length:"; empty if it is missing.
// Peers write "Content-Length" and "content-length".
inline std::string_view field(std::string_view head, std::string_view name) {
  for (std::size_t line = head.find("\r\n"); line != std::string_view::npos; line = head.find("\r\n", line)) {
    line += 2;
    const std::string_view rest = head.substr(line);
    if (rest.size() <= name.size() || rest[name.size()] != ':') continue;
    std::size_t i = 0;
    while (i < name.size() && (rest[i] | 0x20) == name[i]) ++i;
    if (i < name.size()) continue;
    const std::string_view value = rest.substr(name.size() + 1, rest.find("\r\n") - name.size() - 1);
    return value.substr(std::min(value.find_first_not_of(' '), value.size()));
  }
  return {};
}

// Reads and discards at most `most` bytes. MSG_TRUNC: TCP does not copy them (tcp(7)).
inline sys::Io discard(const sys::Fd& socket, std::uint64_t most) {
  static std::array<char, std::size_t{1} << 20> bytes;
  const std::size_t piece = std::min<std::uint64_t>(most, bytes.size());
  const ssize_t got = ::recv(socket.get(), bytes.data(), piece, MSG_TRUNC);
  if (got > 0) return {sys::Outcome::done, 0, static_cast<std::size_t>(got)};
  if (got == 0) return {sys::Outcome::eof, 0, 0};
  return {errno == EAGAIN ? sys::Outcome::again : sys::Outcome::fail, errno, 0};
}

// Content of every body.
inline std::span<const std::byte> zeros(std::uint64_t most) {
  static const std::array<std::byte, std::size_t{1} << 20> bytes{};
  return std::span{bytes}.first(std::min<std::uint64_t>(most, bytes.size()));
}

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

// Microseconds of a steady clock.
inline std::uint64_t now_us() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

// Listens on `port` of 127.0.0.1 (0: a free one), watched under its descriptor's number, and prints the port.
inline sys::Fd listen_and_announce(const sys::Fd& poller, std::uint16_t port) {
  constexpr int kBacklog = 65'535;
  sys::Opened listener = sys::listen(sys::loopback4(port), kBacklog);
  if (!listener.fd) fail("cannot listen:", listener.error);
  sys::watch(poller, listener.fd.get(), static_cast<std::uint64_t>(listener.fd.get()));
  std::printf("%u\n", static_cast<unsigned>(sys::local_address(listener.fd).port));
  std::fflush(stdout);
  return std::move(listener.fd);
}

}  // namespace bench
