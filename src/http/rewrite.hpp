// The next hop's head, written anew from parsed values: nothing received is forwarded as it came.
#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "../sys/address.hpp"
#include "date.hpp"
#include "head.hpp"

namespace http {

// What the proxy itself adds.
struct Hop {
  std::string_view via;   // our name in Via (RFC 9110 section 7.6.3)
  std::string_view date;  // now, as an IMF-fixdate (RFC 9110 section 5.6.7)
};

// How the message is to be sent on.
struct Form {
  Version version = Version::http10;
  bool chunked = false;  // its body is sent in chunks (HTTP/1.1 only)
  bool close = true;     // the connection ends with this message
  bool upgrade = false;  // it asks for, or agrees to, another protocol
  // Added as X-Request-Id if the client gave none; at most 64 bytes; empty: none.
  std::string_view request_id{};
  bool via = true;  // with our Via; a gateway may leave it out of responses (RFC 9110 section 7.6.3)
  // A request to another proxy: its target stays in absolute form.
  bool absolute = false;
  // For that proxy, in Base64 (RFC 7617), at most kCredentialsBytesMax; empty: none.
  std::string_view credentials{};
  // A request to a server behind us, which is to know who asked it for what: see `write_request`.
  bool reverse = false;
  std::string_view scheme = "http";  // that the client asked by: "http" or "https"
  sys::Address client{};             // family none: nobody whom an address tells
  std::string_view host{};           // for Host, if the request has none; at most kHostTextMax
};

// So that the worst of heads with credentials keeps to kRewriteGrowthMax.
inline constexpr std::size_t kCredentialsBytesMax = 428;        // user, colon and password have 321 bytes
inline constexpr std::size_t kHostTextMax = kHostBytesMax + 6;  // with ":65535"

// A rewritten head is at most this much longer than the head it was made from: "Host: " and an authority that
// was in the target anyway, "Via", "Connection", "Transfer-Encoding", "Date", "X-Request-Id", and a blank
// after each colon. `via` must have at most 64 bytes.
inline constexpr std::size_t kRewriteGrowthMax = 1000;
using HeadRoom = std::array<char, kHeadBytesMax + kRewriteGrowthMax>;

// How a request goes on that is to be of this version.
Form request_form(const RequestHead& head, Version version) noexcept;

// All return the length written to `room`, or 0 if it does not fit or if `Connection` names too many fields.
//
// Origin-form, Host made from the target's authority, hop-by-hop fields and all that Connection names left
// out (RFC 9110 section 7.6.1), all others in their order. For another proxy the target is absolute
// (RFC 9112 section 3.2.2), without userinfo. REQUIRES: head.form is absolute, head.plain_http.
//
// `form.reverse`: the target may also be in origin form, or "*" of OPTIONS. Then Host goes on as it came. The
// client's address is appended to X-Forwarded-For and, with what follows, to Forwarded (RFC 7239);
// X-Forwarded-Proto and X-Forwarded-Host are ours, whatever came. REQUIRES: not for another proxy.
std::size_t write_request(const RequestHead& head, const Hop& hop, const Form& form,
                          std::span<char> room) noexcept;
// All fields but those of the connection as they came. An interim one has neither a length nor a date of
// ours.
std::size_t write_response(const ResponseHead& head, const Hop& hop, const Form& form,
                           std::span<char> room) noexcept;

}  // namespace http
