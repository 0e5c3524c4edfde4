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
    {R::none, {"-", proxy, 0, ""}},
    {R::complete, {"complete", upstream, 0, "The exchange is complete."}},
    {R::bad_character, {"bad-character", client, 400, "The head contains a character that is not allowed there (such as NUL)."}},
    {R::bad_line_end, {"bad-line-end", client, 400, "A line of the head ends in a bare CR or LF; it must end in CR LF."}},
    {R::bad_request_line, {"bad-request-line", client, 400, R"(The first line is not "METHOD http://host/path HTTP/1.x".)"}},
    {R::bad_status_line, {"bad-status-line", upstream, 502, R"(The first line of the answer is not "HTTP/1.x CODE text".)"}},
    {R::bad_version, {"bad-version", client, 400, R"(The version at the end of the first line is not "HTTP/1.0" or "HTTP/1.1".)"}},
    {R::bad_field, {"bad-field", client, 400, R"(A header line is not "Name: value" (a colon is missing, or a blank stands before it).)"}},
    {R::folded_field, {"folded-field", client, 400, "A header line is continued on the next line, which HTTP no longer allows."}},
    {R::bad_target, {"bad-target", client, 400, "The URL cannot be understood. It must look like http://host:port/path."}},
    {R::bad_host, {"bad-host", client, 400, "An HTTP/1.1 request needs exactly one Host line, with a host name."}},
    {R::bad_length, {"bad-length", client, 400, "Content-Length is not a single number."}},
    {R::bad_encoding, {"bad-encoding", client, 400, "Transfer-Encoding does not say clearly where the body ends."}},
    {R::length_and_encoding, {"length-and-encoding", client, 400, "Content-Length and Transfer-Encoding exclude each other."}},
    {R::bad_chunk, {"bad-chunk", client, 400, "The chunked body is malformed."}},
    {R::target_too_long, {"target-too-long", client, 414, "The URL is too long (the first line may have 8192 bytes)."}},
    {R::head_too_large, {"head-too-large", client, 431, "The head is too large (at most 15360 bytes are taken). Fewer cookies may help."}},
    {R::too_many_fields, {"too-many-fields", client, 431, "There are too many header lines (at most 100 are taken)."}},
    {R::version_unsupported, {"version-unsupported", client, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here."}},
    {R::encoding_unsupported, {"encoding-unsupported", client, 501, "This Transfer-Encoding is not known here."}},
    {R::length_required, {"length-required", client, 411, "A request with a body must say its Content-Length."}},
    {R::not_for_a_proxy, {"not-for-a-proxy", client, 400, "This is a proxy, not a web server. Set it as the HTTP proxy of the browser, or use curl -x."}},
    {R::scheme_unsupported, {"scheme-unsupported", client, 501, "Only http:// URLs are served here."}},
    {R::port_not_allowed, {"port-not-allowed", proxy, 403, "A tunnel to this port is not allowed (see the option --connect-ports)."}},
    {R::client_not_allowed, {"client-not-allowed", proxy, 403, "Clients from this address are not allowed (see the option --allow)."}},
    {R::client_idle, {"client-idle", client, 0, "The client said nothing."}},
    {R::client_left, {"client-left", client, 0, "The client closed its connection."}},
    {R::head_timeout, {"head-timeout", client, 408, "The head of the request did not come in time."}},
    {R::body_timeout, {"body-timeout", client, 408, "The body of the request did not come in time."}},
    {R::client_stalled, {"client-stalled", client, 0, "The client took no more bytes for too long."}},
    {R::name_not_found, {"name-not-found", upstream, 502, "There is no such host. Is the name spelled right?"}},
    {R::name_failed, {"name-failed", upstream, 502, "The host's name could not be looked up; the name server failed. Trying again may help."}},
    {R::resolve_timeout, {"resolve-timeout", upstream, 504, "The name server did not answer in time."}},
    {R::refused, {"refused", upstream, 502, "The host refused the connection: nothing listens on that port."}},
    {R::unreachable, {"unreachable", upstream, 502, "The host cannot be reached from here."}},
    {R::connect_timeout, {"connect-timeout", upstream, 504, "The host did not accept the connection in time."}},
    {R::upstream_closed, {"upstream-closed", upstream, 502, "The host closed the connection without a whole answer."}},
    {R::upstream_reset, {"upstream-reset", upstream, 502, "The host reset the connection."}},
    {R::bad_response, {"bad-response", upstream, 502, "The host's answer is not valid HTTP."}},
    {R::answer_timeout, {"answer-timeout", upstream, 504, "The host took the request but did not answer in time."}},
    {R::upstream_stalled, {"upstream-stalled", upstream, 504, "The host stopped in the middle for too long."}},
    {R::upstream_cut, {"upstream-cut", upstream, 502, "The host ended its answer too early."}},
    {R::tunnel_idle, {"tunnel-idle", proxy, 0, "Nothing went through the tunnel for too long."}},
    {R::no_slot, {"no-slot", proxy, 503, "The proxy is serving as many requests as it may (see the option --max-requests). Try again."}},
    {R::no_descriptor, {"no-descriptor", proxy, 503, "The proxy has no file descriptor left (ulimit -n). Try again."}},
    {R::no_memory, {"no-memory", proxy, 503, "The system has no memory left for a connection. Try again."}},
    {R::memory_short, {"memory-short", proxy, 408, "The proxy's buffers are all in use, and this request was not whole yet. Try again."}},
    {R::shutdown, {"shutdown", proxy, 0, "The proxy was stopped."}},
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

std::string_view phrase(std::uint16_t status) noexcept {
  switch (status) {
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 414: return "URI Too Long";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
  }
}

}  // namespace base
