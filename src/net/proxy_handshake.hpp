// The handshake with an upstream (parent) proxy that opens a connection to the host: HTTP CONNECT (RFC 9110
// section 9.3.6) or SOCKS5 (RFC 1928, RFC 1929). Functions over buffers; the only state is the step, which
// the caller keeps.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "../base/reason.hpp"
#include "../http/basic_auth.hpp"
#include "../http/head.hpp"

namespace net {

// The stages: each is one message and one reply. CONNECT has one; SOCKS begins with its methods.
enum class HandshakeStep : std::uint8_t { none, connect, socks_methods, socks_login, socks_request };

// Credentials for the parent. An empty user: none. Each has at most kLoginBytesMax bytes of UTF-8; `user` has
// no colon.
struct Login {
  std::string_view user, password;
  std::string_view credentials{};  // HTTP: the client's own, as in Proxy-Authorization; instead of the others
};
inline constexpr std::size_t kLoginBytesMax = 255;  // RFC 1929 section 2
static_assert(kLoginBytesMax <= http::kBasicWordMax);

inline constexpr std::size_t kParentNameBytesMax = 64;
// The longest message is CONNECT with a login.
inline constexpr std::size_t kHandshakeBytesMax =
    std::string_view{"CONNECT []:65535 HTTP/1.1\r\nHost: []:65535\r\n"}.size() + 2 * http::kHostBytesMax +
    std::string_view{"Via: 1.1 \r\n"}.size() + kParentNameBytesMax +
    std::string_view{"Proxy-Authorization: Basic \r\n\r\n"}.size() +
    http::base64_bytes(2 * kLoginBytesMax + 1);

// Writes the message of this step, for a connection to `host` (a name, or an address without brackets)
// and `port`. CONNECT has `our_name` in Via, so that a parent detects a loop; empty: no Via. Returns its
// length; 0 if it does not fit in `out` (kHandshakeBytesMax always suffice), if an argument is too long,
// or in step `none`.
std::size_t write_handshake(HandshakeStep step, const Login& login, std::string_view host, std::uint16_t port,
                            std::string_view our_name, std::span<std::byte> out) noexcept;

// What the parent's reply to a message of the handshake says.
struct HandshakeResult {
  enum class What : std::uint8_t {
    more,   // the reply is incomplete
    next,   // step `next` follows; bytes after `consumed` belong to its reply
    done,   // the connection to the host is open
    failed  // it is not, for the reason `reason`
  };
  What what = What::more;
  std::size_t consumed = 0;  // next, done: bytes of the parent's reply; done: bytes after it are the host's
  HandshakeStep next = HandshakeStep::none;
  base::Reason reason = base::Reason::none;
  std::uint16_t status = 0;  // the parent's HTTP status or SOCKS reply; 0: none
};

// Reads the reply of this step. `received`: all bytes received in this step; the result does not depend on
// how they were cut. `limits.bytes` bytes always give a result other than `more`. `login` as it was for
// `write_handshake`: a parent may not ask for one that was not offered.
HandshakeResult parse_reply(HandshakeStep step, const Login& login, std::string_view received,
                            const http::HeadLimits& limits = {}) noexcept;

}  // namespace net
