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
    {R::bad_character, {"bad-character", client, 400, "The head contains a character that is not allowed there (such as NUL).", "http_request_error"}},
    {R::bad_line_end, {"bad-line-end", client, 400, "A line of the head ends in a bare CR or LF; it must end in CR LF.", "http_request_error"}},
    {R::bad_request_line, {"bad-request-line", client, 400, R"(The first line is not "METHOD http://host/path HTTP/1.x".)", "http_request_error"}},
    {R::bad_status_line, {"bad-status-line", upstream, 502, R"(The first line of the answer is not "HTTP/1.x CODE text".)", "http_protocol_error"}},
    {R::bad_version, {"bad-version", client, 400, R"(The version at the end of the first line is not "HTTP/1.0" or "HTTP/1.1".)", "http_request_error"}},
    {R::bad_field, {"bad-field", client, 400, R"(A header line is not "Name: value" (a colon is missing, or a blank stands before it).)", "http_request_error"}},
    {R::folded_field, {"folded-field", client, 400, "A header line is continued on the next line, which HTTP no longer allows.", "http_request_error"}},
    {R::bad_target, {"bad-target", client, 400, "The URL cannot be understood. It must look like http://host:port/path.", "http_request_error"}},
    {R::bad_host, {"bad-host", client, 400, "An HTTP/1.1 request needs exactly one Host line, with a host name.", "http_request_error"}},
    {R::bad_length, {"bad-length", client, 400, "Content-Length is not a single number.", "http_request_error"}},
    {R::bad_encoding, {"bad-encoding", client, 400, "Transfer-Encoding does not say clearly where the body ends.", "http_request_error"}},
    {R::length_and_encoding, {"length-and-encoding", client, 400, "Content-Length and Transfer-Encoding exclude each other.", "http_request_error"}},
    {R::bad_chunk, {"bad-chunk", client, 400, "The chunked body is malformed.", "http_request_error"}},
    {R::target_too_long, {"target-too-long", client, 414, "The URL is too long (the first line may have 8192 bytes).", "http_request_error"}},
    {R::head_too_large, {"head-too-large", client, 431, "The head is too large (at most 15360 bytes are taken). Fewer cookies may help.", "http_request_error"}},
    {R::too_many_fields, {"too-many-fields", client, 431, "There are too many header lines (at most 100 are taken).", "http_request_error"}},
    {R::version_unsupported, {"version-unsupported", client, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.", "proxy_internal_response"}},
    {R::encoding_unsupported, {"encoding-unsupported", client, 501, "This Transfer-Encoding is not known here.", "proxy_internal_response"}},
    {R::length_required, {"length-required", client, 411, "A request with a body must say its Content-Length.", "http_request_error"}},
    {R::not_for_a_proxy, {"not-for-a-proxy", client, 400, "This is a proxy, not a web server. Set it as the HTTP proxy of the browser, or use curl -x.", "proxy_internal_response"}},
    {R::scheme_unsupported, {"scheme-unsupported", client, 501, "Only http:// URLs are served here.", "proxy_internal_response"}},
    {R::port_not_allowed, {"port-not-allowed", proxy, 403, "A tunnel to this port is not allowed (see the option --connect-ports).", "http_request_denied"}},
    {R::client_not_allowed, {"client-not-allowed", proxy, 403, "Clients from this address are not allowed (see the option --allow).", "http_request_denied"}},
    {R::request_not_allowed, {"request-not-allowed", proxy, 403, "This request is not allowed here (see the options --allow and --deny).", "http_request_denied"}},
    {R::login_required, {"login-required", client, 407, "A user name and a password are needed to use this proxy.", "http_request_denied"}},
    {R::too_many_requests, {"too-many-requests", client, 429, "This client has asked for too much in a short time (see the option --client-requests).", "http_request_denied"}},
    {R::too_many_connections, {"too-many-connections", client, 429, "This client has too many connections at once (see the option --client-connections).", "connection_limit_reached"}},
    {R::loop, {"loop", client, 508, "The request has come back to this proxy: it would go round in circles.", "proxy_loop_detected"}},
    {R::client_idle, {"client-idle", client, 0, "The client said nothing."}},
    {R::client_left, {"client-left", client, 0, "The client closed its connection."}},
    {R::bad_introduction, {"bad-introduction", client, 0, "The connection does not begin with a PROXY header, as it must here."}},
    {R::line_too_long, {"line-too-long", client, 0, "A line is longer than 16384 bytes."}},
    {R::head_timeout, {"head-timeout", client, 408, "The head of the request did not come in time.", "http_request_error"}},
    {R::body_timeout, {"body-timeout", client, 408, "The body of the request did not come in time.", "http_request_error"}},
    {R::client_stalled, {"client-stalled", client, 0, "The client took no more bytes for too long."}},
    {R::name_not_found, {"name-not-found", upstream, 502, "There is no such host. Is the name spelled right?", "dns_error"}},
    {R::name_failed, {"name-failed", upstream, 502, "The host's name could not be looked up; the name server failed. Trying again may help.", "dns_error"}},
    {R::resolve_timeout, {"resolve-timeout", upstream, 504, "The name server did not answer in time.", "dns_timeout"}},
    {R::refused, {"refused", upstream, 502, "The host refused the connection: nothing listens on that port.", "connection_refused"}},
    {R::unreachable, {"unreachable", upstream, 502, "The host cannot be reached from here.", "destination_ip_unroutable"}},
    {R::connect_timeout, {"connect-timeout", upstream, 504, "The host did not accept the connection in time.", "connection_timeout"}},
    {R::upstream_closed, {"upstream-closed", upstream, 502, "The host closed the connection without a whole answer.", "http_response_incomplete"}},
    {R::upstream_reset, {"upstream-reset", upstream, 502, "The host reset the connection.", "connection_terminated"}},
    {R::bad_response, {"bad-response", upstream, 502, "The host's answer is not valid HTTP.", "http_protocol_error"}},
    {R::answer_timeout, {"answer-timeout", upstream, 504, "The host took the request but did not answer in time.", "connection_read_timeout"}},
    {R::upstream_stalled, {"upstream-stalled", upstream, 504, "The host stopped in the middle for too long.", "connection_write_timeout"}},
    {R::upstream_cut, {"upstream-cut", upstream, 502, "The host ended its answer too early.", "http_response_incomplete"}},
    {R::parent_refused, {"parent-refused", upstream, 502, "The parent proxy refused to connect to the host.", "destination_unavailable"}},
    {R::parent_login, {"parent-login", upstream, 502, "The parent proxy wants another user name and password than this proxy has.", "proxy_configuration_error"}},
    {R::bad_parent_answer, {"bad-parent-answer", upstream, 502, "The parent proxy's answer cannot be understood. Is it such a proxy at all?", "http_protocol_error"}},
    {R::tunnel_idle, {"tunnel-idle", proxy, 0, "Nothing went through the tunnel for too long."}},
    {R::file_not_found, {"file-not-found", client, 404, "There is nothing here under this name."}},
    {R::file_forbidden, {"file-forbidden", client, 403, "This is not for everybody to read."}},
    {R::file_unreadable, {"file-unreadable", proxy, 500, "The file is there, but reading it failed."}},
    {R::method_not_allowed, {"method-not-allowed", client, 405, "This can be had with GET and HEAD only."}},
    {R::precondition_failed, {"precondition-failed", client, 412, "The file is not, or no longer, the one that the request is about."}},
    {R::range_outside, {"range-outside", client, 416, "The file does not reach to the bytes that were asked for."}},
    {R::no_slot, {"no-slot", proxy, 503, "The proxy is serving as many requests as it may (see the option --max-requests). Try again.", "connection_limit_reached"}},
    {R::no_descriptor, {"no-descriptor", proxy, 503, "The proxy has no file descriptor left (ulimit -n). Try again.", "proxy_internal_error"}},
    {R::no_memory, {"no-memory", proxy, 503, "The system has no memory left for a connection. Try again.", "proxy_internal_error"}},
    {R::memory_short, {"memory-short", proxy, 408, "The proxy's buffers are all in use, and this request was not whole yet. Try again.", "proxy_internal_error"}},
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
    case 200: return "OK";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 302: return "Found";
    case 303: return "See Other";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 301: return "Moved Permanently";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 414: return "URI Too Long";
    case 416: return "Range Not Satisfiable";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 508: return "Loop Detected";
    default: return "Unknown";
  }
}

}  // namespace base
