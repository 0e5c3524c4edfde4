// Why a request or a connection ended: the name in the log and the party that caused it. The response that a
// reason leads to is in http/status.hpp.
#pragma once
#include <cstdint>
#include <string_view>

namespace base {

enum class Reason : std::uint8_t {
  none,  // it goes on
  // The good end.
  complete,
  // The head is not HTTP (RFC 9112, RFC 1945). For a request 400 unless said otherwise; for a response 502.
  bad_character,
  bad_line_end,
  bad_request_line,
  bad_status_line,
  bad_version,
  bad_field,
  folded_field,
  bad_target,
  bad_host,
  bad_length,
  bad_encoding,
  length_and_encoding,
  bad_chunk,
  target_too_long,
  head_too_large,
  too_many_fields,
  // HTTP, but not what this proxy serves.
  version_unsupported,
  encoding_unsupported,
  length_required,
  not_for_a_proxy,
  scheme_unsupported,
  port_not_allowed,
  client_not_allowed,
  request_not_allowed,
  login_required,
  too_many_requests,
  too_many_connections,
  loop,
  // The client's doing.
  client_idle,
  client_left,
  bad_introduction,
  line_too_long,
  head_timeout,
  body_timeout,
  client_stalled,
  // The upstream's doing.
  name_not_found,
  name_failed,
  resolve_timeout,
  refused,
  unreachable,
  connect_timeout,
  upstream_closed,
  upstream_reset,
  bad_response,
  answer_timeout,
  upstream_stalled,
  upstream_cut,
  parent_refused,
  parent_login,
  bad_parent_answer,
  tunnel_idle,
  // A file server's.
  file_not_found,
  file_forbidden,
  file_unreadable,
  method_not_allowed,
  precondition_failed,
  range_outside,
  // Our own doing.
  no_slot,
  no_descriptor,
  no_memory,
  memory_short,
  shutdown,
  count
};

enum class Party : std::uint8_t { client, upstream, proxy };

struct ReasonRow {
  std::string_view name;  // as in the log
  Party ended_by;
};

const ReasonRow& row(Reason reason) noexcept;
std::string_view name(Party party) noexcept;

}  // namespace base
