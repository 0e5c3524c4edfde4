// The head of a message as views into the received bytes, and the declarations of the parser
// (http_parse.cpp). Grammar: RFC 9112, and RFC 1945 for HTTP/1.0.
#pragma once
#include <array>
#include <optional>
#include <span>

#include "../base/reason.hpp"
#include "field_name.hpp"

namespace http {

inline constexpr std::size_t kHeadBytesMax = std::size_t{15} * 1024;  // more: 431, unless HeadLimits differ
inline constexpr std::size_t kFirstLineBytesMax = 8192;               // more: 414; without CR LF
inline constexpr std::size_t kFieldsMax = 100;                        // the same
inline constexpr std::size_t kLargestHead = std::size_t{60} * 1024;   // that HeadLimits may allow
inline constexpr std::size_t kMostFields = 1000;                      // the same
inline constexpr std::size_t kHostBytesMax = 253;  // a DNS name as text (RFC 1035 section 2.3.4)
inline constexpr std::size_t kMethodBytesMax = 32;
inline constexpr std::uint16_t kHttpPort = 80;

// How much of a head is accepted; more: 431.
struct HeadLimits {
  std::size_t bytes = kHeadBytesMax;  // with its empty line; at most kLargestHead
  std::size_t fields = kFieldsMax;    // at most kMostFields
  bool operator==(const HeadLimits&) const = default;
};

enum class Version : std::uint8_t { http10, http11 };

struct Field {
  Field() noexcept = default;
  Field(std::string_view with_name, std::string_view with_value) noexcept
      : name(with_name), value(with_value), id(field_name(with_name)) {}
  std::string_view name;   // a token, as received
  std::string_view value;  // without blanks around it
  FieldName id = FieldName::other;
};

class Fields {
 public:
  // Not `= default`: `Fields{}` would then set the array to zero first.
  Fields() noexcept {}  // NOLINT(modernize-use-equals-default)
  bool add(const Field& field) noexcept {
    if (count_ == most_) return false;
    fields_[count_++] = field;
    return true;
  }
  void clear() noexcept { count_ = 0; }
  // From now on; at most kMostFields. REQUIRES: there are not more.
  void limit(std::size_t most) noexcept { most_ = most; }
  [[nodiscard]] std::span<const Field> all() const noexcept { return {fields_.data(), count_}; }
  // The first field of that name; null if there is none.
  [[nodiscard]] const Field* find(FieldName id) const noexcept {
    for (const Field& field : all())
      if (field.id == id) return &field;
    return nullptr;
  }
  // The same for a name that has no id.
  [[nodiscard]] const Field* find(std::string_view name) const noexcept;

 private:
  union {
    std::array<Field, kMostFields> fields_;  // the first count_ are valid
  };
  std::size_t count_ = 0;
  std::size_t most_ = kFieldsMax;
};

// The length of a body (RFC 9112 section 6.3).
struct Body {
  enum class Kind : std::uint8_t { none, length, chunked, until_eof };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  // for `length`, in bytes
  // It certainly has no byte.
  [[nodiscard]] constexpr bool empty() const noexcept {
    return kind == Kind::none || (kind == Kind::length && length == 0);
  }
  bool operator==(const Body&) const = default;
};
inline constexpr Body kUntilEof{Body::Kind::until_eof};

// Host and port of an http URI (RFC 9110 section 4.2.1), without userinfo.
struct Authority {
  std::string_view host;  // a name, an IPv4 address, or an IPv6 address without its brackets
  std::uint16_t port = kHttpPort;
  bool ipv6 = false;
};

enum class TargetForm : std::uint8_t { absolute, origin, authority, asterisk };  // RFC 9112 section 3.2

struct RequestHead {
  std::string_view method;
  std::string_view target;  // as received
  TargetForm form = TargetForm::origin;
  bool plain_http = false;  // absolute form with the scheme "http"
  Authority authority;      // absolute form and authority form
  std::string_view path;    // path and query of the target, without fragment; may lack the leading "/"
  Version version = Version::http10;
  bool expects_continue = false;  // Expect: 100-continue (RFC 9110 section 10.1.1)
  bool persistent = false;        // keep-alive is possible (RFC 9112 section 9.3); HTTP/1.0 has asked for it
  std::int64_t forwards_left =
      -1;                // Max-Forwards of TRACE and OPTIONS (RFC 9110 section 7.6.2); -1: no limit
  bool upgrade = false;  // Connection names Upgrade, which lists the protocols (http/upgrade.hpp)
  Body body;
  std::optional<std::uint64_t> length;  // Content-Length
  Fields fields;
};

struct ResponseHead {
  Version version = Version::http10;
  std::uint16_t status = 0;
  std::string_view phrase;
  Body body;
  bool has_date = false;
  bool persistent = false;
  bool upgrade = false;   // as in a request
  bool controls = false;  // it contains control characters other than HTAB
  // Content-Length, unless it contradicts itself in a response without body.
  std::optional<std::uint64_t> length;
  Fields fields;
  // 1xx: another head follows (RFC 9110 section 15.2).
  [[nodiscard]] bool interim() const noexcept { return status < 200; }
};

struct Parsed {
  enum class What : std::uint8_t { complete, partial, bad };
  What what;
  std::size_t length;  // complete: bytes of the head with its empty line
  base::Reason why;    // bad: the reason; its status applies to requests only
};

// Parses the head at the front of `bytes`. The first `seen` bytes were `partial` in an earlier call and are
// not scanned again, so that a head received byte by byte costs no more than a whole one. The result does not
// depend on how the head was split. On `complete`, the views in `head` point into `bytes`; otherwise `head`
// is invalid. `limits.bytes` bytes always give a result other than `partial`.
Parsed parse_request(std::string_view bytes, std::size_t seen, RequestHead& head,
                     const HeadLimits& limits = {}) noexcept;
// `without_body`: the response has none, as those to HEAD and to a successful CONNECT (RFC 9112 section 6.3).
Parsed parse_response(std::string_view bytes, std::size_t seen, bool without_body, ResponseHead& head,
                      const HeadLimits& limits = {}) noexcept;

// The version that the first line of a request claims, whatever else is wrong with it; HTTP/1.0 if it claims
// none.
Version claimed_version(std::string_view bytes) noexcept;

// A DNS name or an IPv4 address, as a URL has it: letters, digits, "-", "." and "_". If its last label is a
// number, it must be a whole IPv4 address, since "127.1" and "0x7f.1" mean different hosts to different
// programs.
bool is_host(std::string_view text) noexcept;

// Parses host[:port] (RFC 3986 section 3.2 without userinfo).
bool parse_authority(std::string_view text, Authority& out) noexcept;
// The same for a Host field, where each character of a registered name is valid.
bool parse_host_field(std::string_view text, Authority& out) noexcept;

}  // namespace http
