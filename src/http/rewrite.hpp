// The next hop's head, written anew from parsed values: nothing received is forwarded as it came.
#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

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
  std::string_view
      request_id{};       // added as X-Request-Id if the client gave none; at most 64 bytes; empty: none
  bool absolute = false;  // a request goes to another proxy: its target stays in absolute form
  std::string_view
      credentials{};  // for that proxy, in Base64 (RFC 7617), at most kCredentialsBytesMax; empty: none
};

// So that the worst of heads with credentials keeps to kRewriteGrowthMax.
inline constexpr std::size_t kCredentialsBytesMax = 428;  // user, colon and password have 321 bytes

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
std::size_t write_request(const RequestHead& head, const Hop& hop, const Form& form,
                          std::span<char> room) noexcept;
// An interim one has neither a length nor a date of ours.
std::size_t write_response(const ResponseHead& head, const Hop& hop, const Form& form,
                           std::span<char> room) noexcept;

inline constexpr std::size_t kDateBytes = 29;
// `unix_ms` as IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT".
void write_date(std::uint64_t unix_ms, std::span<char, kDateBytes> room) noexcept;

}  // namespace http
