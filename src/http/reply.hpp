// Writes the responses of the proxy itself: error responses, and the heads of files and pages.
#pragma once
#include "attempt.hpp"
#include "rewrite.hpp"

namespace http {

// The facts that an error response reports. Empty or 0: unknown.
struct ErrorDetails {
  base::Reason reason = base::Reason::none;
  base::Reason detail = base::Reason::none;  // bad_response: the error in it
  int error = 0;                             // errno
  std::uint64_t id = 0;                      // number of the connection in the log
  std::uint32_t nth = 1;                     // of the request on it, from 1
  std::string_view phase{};                  // activity that failed
  std::string_view timeout{};                // what was awaited, and for how long
  std::string_view host{};                   // an IPv6 address without brackets
  std::uint16_t port = 0;
  std::uint16_t received = 0;                 // the last status from the server
  std::span<const sys::Address> addresses{};  // that were tried; empty: the client may not know them
  std::span<const Attempt> attempts{};        // for each of them
  std::string_view realm{};                   // 401, 407: asks for a password; see put_basic_challenge()
  std::uint32_t retry_after_s = 0;            // 429: Retry-After; 0: unknown
  std::string_view fields{};                  // more header lines, each with CR LF
  Version version = Version::http10;          // of the response (RFC 9110 section 6.2)
  bool attempted = false;                     // `error` is that of one of `attempts`
  bool stays = false;                         // the connection is kept
  bool as_page = false;                       // HTML; else plain text
  bool to_head = false;                       // omit the body, but not its length
};

// Writes an error response with the reason's status, Proxy-Status (RFC 9209) and a body for people. Returns
// the length written. REQUIRES: error_reply(reason).status != 0; `room` has kErrorResponseBytesMax bytes.
std::size_t write_error_response(const ErrorDetails& failure, const ProxyFields& hop,
                                 std::span<char> room) noexcept;

inline constexpr std::size_t kErrorResponseBytesMax = 4096;

// The head of a response whose body is sent separately.
struct ReplyHead {
  std::uint16_t status = 200;
  std::string_view fields{};  // header lines except those made from the members below
  Body body{};                // until_eof: in chunks, or until the connection closes
  Version version = Version::http10;
  bool close = true;
};
// Returns the length written; 0 if the head does not fit.
std::size_t write_reply_head(const ReplyHead& served, const ProxyFields& hop, std::span<char> room) noexcept;

// Writes the response of the last hop to OPTIONS and TRACE (RFC 9110 sections 9.3.7 and 9.3.8). TRACE returns
// the received request without credentials and cookies. `version`: of the response. Returns the length
// written; 0 if it does not fit.
std::size_t write_last_hop_reply(const RequestHead& head, Version version, const ProxyFields& hop,
                                 std::span<char> room) noexcept;

// Returns true if Accept (RFC 9110 section 12.5.1) prefers text/html to text/plain, as browsers do. With */*
// of curl it does not.
bool accepts_page(const Fields& fields) noexcept;

// Asks the client to send the body (RFC 9110 section 15.2.1).
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace http
