// The small answers we give ourselves when a request cannot be served.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "../base/reason.hpp"
#include "../sys/address.hpp"
#include "rewrite.hpp"

namespace http {

// How it went with one of a host's addresses.
struct Attempt {
  std::uint32_t ms;  // how long it took
  int error;         // errno; 0: the connection was made
};

// What is told of a request that could not be served. Empty or 0: there is nothing to tell.
struct Failure {
  base::Reason reason = base::Reason::none;
  base::Reason detail = base::Reason::none;  // bad_response: what is wrong with it
  int error = 0;                             // errno
  std::uint64_t id = 0;                      // as in the log
  std::string_view phase{};                  // what was being done
  std::string_view host{};                   // an IPv6 address without its brackets
  std::uint16_t port = 0;
  std::uint16_t received = 0;                 // the last status the host sent
  std::span<const sys::Address> addresses{};  // that were tried
  std::span<const Attempt> attempts{};        // for each of them
  std::string_view challenge{};               // 407: what credentials are asked for
  std::uint32_t retry_after_s = 0;            // 429: when a request would be served; 0: not known
  std::string_view fields{};                  // whole lines of the head that belong to this status
  bool stays = false;    // HTTP/1.1, and the connection stays; else HTTP/1.0, and it ends
  bool as_page = false;  // HTML, for a browser; else plain text
  bool to_head = false;  // without the body, its length stated all the same
};

// Writes a whole response: the reason's status, Proxy-Status (RFC 9209), and in words what happened and what
// may help. Returns the length written. REQUIRES: error_reply(reason).status != 0; `room` has kAnswerBytesMax
// bytes.
std::size_t write_answer(const Failure& failure, const Hop& hop, std::span<char> room) noexcept;

inline constexpr std::size_t kAnswerBytesMax = 4096;

// An answer whose body comes from elsewhere.
struct Served {
  std::uint16_t status = 200;
  std::string_view fields{};  // whole lines, but for those that are made of what follows
  Body body{};                // until_eof: in chunks, or until the connection ends
  Version version = Version::http10;
  bool close = true;
};
// Writes its head. Returns the length written, 0 if it does not fit.
std::size_t write_served_head(const Served& served, const Hop& hop, std::span<char> room) noexcept;

// The answer to OPTIONS and TRACE whose way ends here (RFC 9110 sections 9.3.7 and 9.3.8); TRACE has the
// request as it came, without what is secret. Returns the length written, 0 if it does not fit.
std::size_t write_end_of_way(const RequestHead& head, const Hop& hop, std::span<char> room) noexcept;

// A browser asks: Accept (RFC 9110 section 12.5.1) names text/html itself, with a weight that is not 0. A
// range that merely includes it, such as the */* of curl, does not count, nor do weights against each other.
bool accepts_page(const Fields& fields) noexcept;

// Asks a client that waits for it to send the body (RFC 9110 section 15.2.1).
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace http
