#include "reason.hpp"

#include <array>

namespace base {
namespace {

struct Entry {
  Reason reason;
  ReasonRow row;
};

constexpr auto client = Party::client, upstream = Party::upstream, proxy = Party::proxy;
using R = Reason;

// clang-format off
constexpr std::array<Entry, static_cast<std::size_t>(R::count)> kRows{{
    {R::none, {"-", proxy}},
    {R::complete, {"complete", upstream}},
    {R::tls_instead_of_http, {"tls-instead-of-http", client}},
    {R::bad_character, {"bad-character", client}},
    {R::bad_line_end, {"bad-line-end", client}},
    {R::bad_request_line, {"bad-request-line", client}},
    {R::bad_status_line, {"bad-status-line", upstream}},
    {R::bad_version, {"bad-version", client}},
    {R::bad_header, {"bad-header", client}},
    {R::folded_header, {"folded-header", client}},
    {R::bad_target, {"bad-target", client}},
    {R::bad_host, {"bad-host", client}},
    {R::bad_content_length, {"bad-content-length", client}},
    {R::connect_with_body, {"connect-with-body", client}},
    {R::bad_transfer_encoding, {"bad-transfer-encoding", client}},
    {R::conflicting_framing, {"conflicting-framing", client}},
    {R::bad_chunk, {"bad-chunk", client}},
    {R::target_too_long, {"target-too-long", client}},
    {R::head_too_large, {"head-too-large", client}},
    {R::too_many_headers, {"too-many-headers", client}},
    {R::version_unsupported, {"version-unsupported", client}},
    {R::transfer_encoding_unsupported, {"transfer-encoding-unsupported", client}},
    {R::length_required, {"length-required", client}},
    {R::body_too_large, {"body-too-large", client}},
    {R::not_a_proxy_request, {"not-a-proxy-request", client}},
    {R::misdirected_request, {"misdirected-request", client}},
    {R::cross_site_request, {"cross-site-request", client}},
    {R::scheme_unsupported, {"scheme-unsupported", client}},
    {R::port_not_allowed, {"port-not-allowed", proxy}},
    {R::client_not_allowed, {"client-not-allowed", proxy}},
    {R::request_not_allowed, {"request-not-allowed", proxy}},
    {R::auth_required, {"auth-required", client}},
    {R::login_required, {"login-required", client}},
    {R::too_many_requests, {"too-many-requests", client}},
    {R::too_many_connections, {"too-many-connections", client}},
    {R::loop_detected, {"loop-detected", client}},
    {R::idle_timeout, {"idle-timeout", client}},
    {R::client_closed, {"client-closed", client}},
    {R::bad_proxy_header, {"bad-proxy-header", client}},
    {R::line_too_long, {"line-too-long", client}},
    {R::head_timeout, {"head-timeout", client}},
    {R::body_timeout, {"body-timeout", client}},
    {R::client_stalled, {"client-stalled", client}},
    {R::host_not_found, {"host-not-found", upstream}},
    {R::dns_error, {"dns-error", upstream}},
    {R::dns_timeout, {"dns-timeout", upstream}},
    {R::connection_refused, {"connection-refused", upstream}},
    {R::host_unreachable, {"host-unreachable", upstream}},
    {R::connect_timeout, {"connect-timeout", upstream}},
    {R::upstream_closed, {"upstream-closed", upstream}},
    {R::upstream_reset, {"upstream-reset", upstream}},
    {R::bad_response, {"bad-response", upstream}},
    {R::unrequested_switch, {"unrequested-switch", upstream}},
    {R::interims_too_large, {"interims-too-large", upstream}},
    {R::response_timeout, {"response-timeout", upstream}},
    {R::upstream_stalled, {"upstream-stalled", upstream}},
    {R::response_truncated, {"response-truncated", upstream}},
    {R::parent_refused, {"parent-refused", upstream}},
    {R::parent_auth_failed, {"parent-auth-failed", upstream}},
    {R::parent_auth_required, {"parent-auth-required", upstream}},
    {R::bad_parent_response, {"bad-parent-response", upstream}},
    {R::tunnel_timeout, {"tunnel-timeout", proxy}},
    {R::file_not_found, {"file-not-found", client}},
    {R::file_forbidden, {"file-forbidden", client}},
    {R::file_unreadable, {"file-unreadable", proxy}},
    {R::method_not_allowed, {"method-not-allowed", client}},
    {R::unknown_method, {"unknown-method", client}},
    {R::precondition_failed, {"precondition-failed", client}},
    {R::range_not_satisfiable, {"range-not-satisfiable", client}},
    {R::max_requests_reached, {"max-requests-reached", proxy}},
    {R::no_descriptor, {"no-descriptor", proxy}},
    {R::no_local_port, {"no-local-port", proxy}},
    {R::no_memory, {"no-memory", proxy}},
    {R::no_buffer, {"no-buffer", proxy}},
    {R::login_timeout, {"login-timeout", proxy}},
    {R::board, {"board", client}},
    {R::shutdown, {"shutdown", proxy}},
}};
// clang-format on

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (kRows[i].reason != static_cast<Reason>(i)) return false;
  return true;
}
static_assert(in_order(), "the rows are in the order of the enum");

}  // namespace

const ReasonRow& row(Reason reason) noexcept { return kRows[static_cast<std::size_t>(reason)].row; }

bool ended_by_proxy(Reason reason) noexcept {
  return reason != Reason::none && row(reason).ended_by == Party::proxy;
}

std::string_view name(Party party) noexcept {
  constexpr std::array<std::string_view, 3> names{"client", "upstream", "proxy"};
  return names[static_cast<std::size_t>(party)];
}

}  // namespace base
