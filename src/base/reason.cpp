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
    {R::bad_character, {"bad-character", client}},
    {R::bad_line_end, {"bad-line-end", client}},
    {R::bad_request_line, {"bad-request-line", client}},
    {R::bad_status_line, {"bad-status-line", upstream}},
    {R::bad_version, {"bad-version", client}},
    {R::bad_field, {"bad-field", client}},
    {R::folded_field, {"folded-field", client}},
    {R::bad_target, {"bad-target", client}},
    {R::bad_host, {"bad-host", client}},
    {R::bad_length, {"bad-length", client}},
    {R::bad_encoding, {"bad-encoding", client}},
    {R::length_and_encoding, {"length-and-encoding", client}},
    {R::bad_chunk, {"bad-chunk", client}},
    {R::target_too_long, {"target-too-long", client}},
    {R::head_too_large, {"head-too-large", client}},
    {R::too_many_fields, {"too-many-fields", client}},
    {R::version_unsupported, {"version-unsupported", client}},
    {R::encoding_unsupported, {"encoding-unsupported", client}},
    {R::length_required, {"length-required", client}},
    {R::not_for_a_proxy, {"not-for-a-proxy", client}},
    {R::scheme_unsupported, {"scheme-unsupported", client}},
    {R::port_not_allowed, {"port-not-allowed", proxy}},
    {R::client_not_allowed, {"client-not-allowed", proxy}},
    {R::request_not_allowed, {"request-not-allowed", proxy}},
    {R::login_required, {"login-required", client}},
    {R::too_many_requests, {"too-many-requests", client}},
    {R::too_many_connections, {"too-many-connections", client}},
    {R::loop, {"loop", client}},
    {R::client_idle, {"client-idle", client}},
    {R::client_left, {"client-left", client}},
    {R::bad_introduction, {"bad-introduction", client}},
    {R::line_too_long, {"line-too-long", client}},
    {R::head_timeout, {"head-timeout", client}},
    {R::body_timeout, {"body-timeout", client}},
    {R::client_stalled, {"client-stalled", client}},
    {R::name_not_found, {"name-not-found", upstream}},
    {R::name_failed, {"name-failed", upstream}},
    {R::resolve_timeout, {"resolve-timeout", upstream}},
    {R::refused, {"refused", upstream}},
    {R::unreachable, {"unreachable", upstream}},
    {R::connect_timeout, {"connect-timeout", upstream}},
    {R::upstream_closed, {"upstream-closed", upstream}},
    {R::upstream_reset, {"upstream-reset", upstream}},
    {R::bad_response, {"bad-response", upstream}},
    {R::answer_timeout, {"answer-timeout", upstream}},
    {R::upstream_stalled, {"upstream-stalled", upstream}},
    {R::upstream_cut, {"upstream-cut", upstream}},
    {R::parent_refused, {"parent-refused", upstream}},
    {R::parent_login, {"parent-login", upstream}},
    {R::bad_parent_answer, {"bad-parent-answer", upstream}},
    {R::tunnel_idle, {"tunnel-idle", proxy}},
    {R::file_not_found, {"file-not-found", client}},
    {R::file_forbidden, {"file-forbidden", client}},
    {R::file_unreadable, {"file-unreadable", proxy}},
    {R::method_not_allowed, {"method-not-allowed", client}},
    {R::precondition_failed, {"precondition-failed", client}},
    {R::range_outside, {"range-outside", client}},
    {R::no_slot, {"no-slot", proxy}},
    {R::no_descriptor, {"no-descriptor", proxy}},
    {R::no_memory, {"no-memory", proxy}},
    {R::memory_short, {"memory-short", proxy}},
    {R::shutdown, {"shutdown", proxy}},
}};
// clang-format on

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (kRows[i].reason != static_cast<Reason>(i)) return false;
  return true;
}
static_assert(in_order(), "the rows stand in the order of the enum");

}  // namespace

const ReasonRow& row(Reason reason) noexcept { return kRows[static_cast<std::size_t>(reason)].row; }

std::string_view name(Party party) noexcept {
  constexpr std::array<std::string_view, 3> names{"client", "upstream", "proxy"};
  return names[static_cast<std::size_t>(party)];
}

}  // namespace base
