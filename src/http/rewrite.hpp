// Writes the head for the next hop from parsed values. No received line is forwarded unparsed.
#pragma once
#include <string>
#include <vector>

#include "../sys/address.hpp"
#include "date.hpp"
#include "head.hpp"
#include "upgrade.hpp"

namespace http {

struct ServerTiming;

// What the proxy adds to each head.
struct ProxyFields {
  std::string_view via;       // the proxy's name in Via (RFC 9110 section 7.6.3)
  std::string_view date;      // the current time, as an IMF-fixdate (RFC 9110 section 5.6.7)
  std::string_view server{};  // of a web server: Server, if a response has none; empty: it is not added
  const ServerTiming* timing = nullptr;  // of a final response; null: none
};

// Header fields that the configuration adds to a message or removes from it.
struct FieldEdits {
  struct Added {
    std::string name, value;
    bool operator==(const Added&) const = default;
  };
  std::vector<Added> add;
  std::vector<std::string> remove;  // names, in any case
  [[nodiscard]] bool removes(std::string_view name) const noexcept;
};

// The fields that the proxy writes itself, since they frame the message or belong to one connection: they
// cannot be edited.
bool is_own_field(std::string_view name) noexcept;

// The line that says whether the connection stays, where the version does not (RFC 9112 section 9.3); empty
// if it does.
std::string_view connection_line(Version version, bool close) noexcept;

// How to forward the message.
struct Form {
  Version version = Version::http10;
  bool chunked = false;  // send the body in chunks (HTTP/1.1 only)
  bool close = true;  // close the connection after this message; else HTTP/1.0 needs Connection: keep-alive
  UpgradeLine upgrade = UpgradeLine::none;  // requests, accepts or requires another protocol
  const Protocols* protocols = nullptr;     // the only ones that pass; null: see http/upgrade.hpp
  // Added as X-Request-Id if the request has none; at most kRequestIdMax bytes; empty: nothing is added.
  std::string_view request_id{};
  bool via = true;  // add Via; a gateway may omit it in responses (RFC 9110 section 7.6.3)
  // The next hop is a proxy: the target stays in absolute form.
  bool absolute = false;
  // For that proxy, in Base64 (RFC 7617), at most kCredentialsBytesMax bytes; empty: none.
  std::string_view credentials{};
  // The next hop is a proxy that may ask the client itself for a login: Proxy-Authorization,
  // Proxy-Authenticate and Proxy-Authentication-Info are forwarded.
  bool proxy_login = false;
  // The next hop is an upstream server that gets forwarding headers.
  bool reverse = false;
  bool trusted = false;               // the client is a proxy whose forwarding headers count
  std::string_view scheme = "http";   // of the client's request: "http" or "https"
  sys::Address client{};              // family none: unknown
  std::size_t skip = 0;               // bytes at the start of the path that are left out
  const FieldEdits* edits = nullptr;  // null: none
  std::string_view host{};            // for Host if the request has none; at most kHostTextMax bytes
};

// Bounds a head with credentials to kRewriteGrowthMax.
inline constexpr std::size_t kCredentialsBytesMax = 428;  // user, colon and password have 321 bytes
inline constexpr std::size_t kRequestIdMax = 40;
inline constexpr std::size_t kHostTextMax = kHostBytesMax + 6;  // with ":65535"

// A rewritten head of at most kFieldsMax fields is at most this much longer than the received one: by Host,
// Via, Connection, Transfer-Encoding, Date, X-Request-Id, and a blank after each colon. Blanks after the
// commas of Upgrade and percent-encoding can add more, and FieldEdits. `via` and `server` must have at most
// 64 bytes.
inline constexpr std::size_t kRewriteGrowthMax = 1008;
// The same for heads of at most so many fields: each may lack its blank.
constexpr std::size_t rewrite_growth(std::size_t fields) noexcept {
  return kRewriteGrowthMax - kFieldsMax + fields;
}
using HeadRoom = std::array<char, kLargestHead + rewrite_growth(kMostFields)>;
// What a function that writes a head has used of the room: `length` bytes, or all if the head did not fit
// (0).
constexpr std::span<char> used(std::span<char> room, std::size_t length) noexcept {
  return length == 0 ? room : room.first(length);
}

// How to forward a request in this version.
Form request_form(const RequestHead& head, Version version, const Protocols* protocols = nullptr) noexcept;

// Both functions return the length written to `room`; 0 if the head does not fit, or if Connection names too
// many fields. Hop-by-hop fields and all fields that Connection names are removed (RFC 9110 section 7.6.1),
// except those that the proxy itself promises; the others keep their order.
//
// The target is written in origin form, for another proxy in absolute form (RFC 9112 section 3.2.2), without
// userinfo. Host is made from the target's authority. REQUIRES: head.form is absolute, head.plain_http.
//
// `form.reverse`: the target may also be in origin form, or "*" for OPTIONS; then Host is forwarded as
// received. X-Forwarded-For, X-Real-IP and Forwarded (RFC 7239) get the client's address, X-Forwarded-Host
// and X-Forwarded-Proto host and scheme; received ones, and all others that begin with X-Forwarded-, are
// removed. `form.trusted`: they are kept, and the lists extended, unless Forwarded is malformed. Fields that
// CGI reads as one that the proxy sets or that frames the message are removed. REQUIRES: not for another
// proxy.
std::size_t write_request(const RequestHead& head, const ProxyFields& hop, const Form& form,
                          std::span<char> room) noexcept;
// An interim response gets neither a length nor a Date.
std::size_t write_response(const ResponseHead& head, const ProxyFields& hop, const Form& form,
                           std::span<char> room) noexcept;

}  // namespace http
