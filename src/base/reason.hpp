// Why a request or a connection ended: the name in the log and the party that caused it. The response that a
// reason leads to is in http/status.hpp.
#pragma once
#include <cstdint>
#include <string_view>

namespace base {

enum class Reason : std::uint8_t {
  none,  // not ended
  complete,
  // The head is not HTTP (RFC 9112, RFC 1945). For a request 400 unless said otherwise; for a response 502.
  tls_instead_of_http,
  bad_character,
  bad_line_end,
  bad_request_line,
  bad_status_line,
  bad_version,
  bad_header,
  folded_header,
  bad_target,
  bad_host,
  bad_content_length,
  connect_with_body,
  bad_transfer_encoding,
  conflicting_framing,
  bad_chunk,
  target_too_long,
  head_too_large,
  too_many_headers,
  // Valid HTTP that this proxy does not serve.
  version_unsupported,
  transfer_encoding_unsupported,
  length_required,
  body_too_large,
  not_a_proxy_request,
  misdirected_request,
  cross_site_request,
  scheme_unsupported,
  port_not_allowed,
  client_not_allowed,
  request_not_allowed,
  auth_required,
  login_required,
  too_many_requests,
  too_many_connections,
  loop_detected,
  // The client.
  idle_timeout,
  client_closed,
  bad_proxy_header,
  line_too_long,
  head_timeout,
  body_timeout,
  client_stalled,
  // The upstream.
  host_not_found,
  dns_error,
  dns_timeout,
  connection_refused,
  host_unreachable,
  connect_timeout,
  upstream_closed,
  upstream_reset,
  bad_response,
  unrequested_switch,
  interims_too_large,
  response_timeout,
  upstream_stalled,
  response_truncated,
  parent_refused,
  parent_auth_failed,
  parent_auth_required,
  bad_parent_response,
  tunnel_timeout,
  // Serving files.
  file_not_found,
  file_forbidden,
  file_unreadable,
  method_not_allowed,
  unknown_method,
  precondition_failed,
  range_not_satisfiable,
  // The proxy.
  max_requests_reached,
  no_descriptor,
  no_local_port,
  no_memory,
  no_buffer,
  login_timeout,
  board,  // in the trace: the connection is one of a viewer of the board from now on
  shutdown,
  count
};

// A party of an exchange.
enum class Party : std::uint8_t { client, upstream, proxy };

// A row of the table of reasons.
struct ReasonRow {
  std::string_view name;  // in the log and the metrics
  Party ended_by;         // the party that caused the end
};

// Returns the row of `reason`.
const ReasonRow& row(Reason reason) noexcept;
// The proxy ended it, for instance because it lacks a resource: this says nothing about the server.
bool ended_by_proxy(Reason reason) noexcept;
// Returns "client", "upstream" or "proxy".
std::string_view name(Party party) noexcept;

}  // namespace base
