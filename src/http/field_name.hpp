// The header fields that the proxy treats specially. The parser looks a name up once; all others compare ids.
#pragma once
#include <cstdint>
#include <string_view>

namespace http {

enum class FieldName : std::uint8_t {
  other,  // any name not listed here
  accept,
  accept_encoding,
  authorization,
  connection,
  content_length,
  cookie,
  date,
  expect,
  forwarded,
  host,
  http2_settings,
  if_match,
  if_modified_since,
  if_none_match,
  if_range,
  if_unmodified_since,
  keep_alive,
  max_forwards,
  proxy_authenticate,
  proxy_authentication_info,
  proxy_authorization,
  proxy_connection,
  range,
  referer,
  server,
  te,
  traceparent,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  via,
  www_authenticate,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_proto,
  x_real_ip,
  x_request_id,
  count
};

// The id of a name, in any case.
FieldName field_name(std::string_view name) noexcept;
// CGI, WSGI and their like read each character that is not a letter or digit as the same (RFC 3875 section
// 4.1.18): X_Forwarded.Proto is X-Forwarded-Proto to them. Returns the id of the name with "-" in its place;
// `other` if the name has no such character but "-".
FieldName field_name_in_cgi(std::string_view name) noexcept;
// Returns true if CGI reads the name as one that begins with "X-Forwarded-".
bool is_x_forwarded(std::string_view name) noexcept;

// A set of names, as a constant: `constexpr FieldNames kSet{FieldName::host, FieldName::via};`.
class FieldNames {
 public:
  template <class... Names>
  constexpr explicit FieldNames(Names... names) noexcept : bits_((std::uint64_t{0} | ... | bit(names))) {}
  constexpr void add(FieldName name) noexcept { bits_ |= bit(name); }
  [[nodiscard]] constexpr bool has(FieldName name) const noexcept { return (bits_ & bit(name)) != 0; }

 private:
  static constexpr std::uint64_t bit(FieldName name) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(name);
  }
  std::uint64_t bits_;
};
static_assert(static_cast<unsigned>(FieldName::count) <= 64);

}  // namespace http
