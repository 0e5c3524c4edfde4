#include "status.hpp"

#include <array>

namespace http {
namespace {

using R = base::Reason;

struct Row {
  base::Reason reason;
  ErrorReply reply;
};

// The reasons that are not listed end a connection without a response.
// clang-format off
constexpr Row kRows[]{
    {R::tls_instead_of_http, {400, "TLS (https) was received on a connection that speaks plain HTTP.", "http_request_error", "Write http://, not https://, before the address of this port. A proxy is set as http://HOST:PORT for https:// URLs too."}},
    {R::bad_character, {400, "The head contains a character that is not allowed there, such as NUL.", "http_request_error"}},
    {R::bad_line_end, {400, "A line of the head ends in a bare CR or LF instead of CR LF.", "http_request_error"}},
    {R::bad_request_line, {400, R"(The request line is not "METHOD http://host/path HTTP/1.x".)", "http_request_error"}},
    {R::bad_status_line, {502, R"(The status line of the response is not "HTTP/1.x CODE text".)", "http_protocol_error"}},
    {R::bad_version, {400, R"(The HTTP version is not "HTTP/1.0" or "HTTP/1.1".)", "http_request_error"}},
    {R::bad_header, {400, R"(A header line is not "Name: value": the colon is missing, or there is a blank before it.)", "http_request_error"}},
    {R::folded_header, {400, "A header line continues on the next line, which HTTP no longer allows.", "http_request_error"}},
    {R::bad_target, {400, "Invalid URL: expected http://host:port/path, or host:port with CONNECT.", "http_request_error", "Check the URL. Only http://HOST[:PORT]/PATH is supported, and CONNECT HOST:PORT."}},
    {R::bad_host, {400, "An HTTP/1.1 request needs exactly one Host header with a valid host name.", "http_request_error"}},
    {R::bad_content_length, {400, "Content-Length is not a single number.", "http_request_error"}},
    {R::connect_with_body, {400, "A CONNECT request must not have a body: Content-Length or Transfer-Encoding.", "http_request_error", "Send the bytes for the host after the 200 response."}},
    {R::bad_transfer_encoding, {400, "Transfer-Encoding must be chunked, once and in one line of an HTTP/1.1 message.", "http_request_error"}},
    {R::conflicting_framing, {400, "The message has both Content-Length and Transfer-Encoding.", "http_request_error"}},
    {R::bad_chunk, {400, "The chunked body is malformed.", "http_request_error"}},
    {R::target_too_long, {414, "The URL is too long: the request line may have 8192 bytes.", "http_request_error", "Send long data in the body of a POST."}},
    {R::head_too_large, {431, "The head is larger than allowed (option --max-head).", "http_request_error", "Deleting the cookies of this server may help."}},
    {R::too_many_headers, {431, "The head has more header lines than allowed (option --max-fields).", "http_request_error"}},
    {R::version_unsupported, {505, "Unsupported HTTP version: only HTTP/1.0 and HTTP/1.1 are supported.", "proxy_internal_response"}},
    {R::transfer_encoding_unsupported, {501, "Unsupported Transfer-Encoding: only chunked is supported.", "proxy_internal_response"}},
    {R::length_required, {411, "A request with a body needs Content-Length.", "http_request_error", "With curl, send a file with -d or -T, not a pipe."}},
    {R::body_too_large, {413, "The request's body is larger than allowed (option --max-body).", "http_request_error", "Send less in one request, or ask the operator for a higher limit."}},
    {R::not_a_proxy_request, {400, "This is a proxy, not a web server. Set it as the HTTP proxy of the browser, or use curl -x.", "proxy_internal_response"}},
    {R::misdirected_request, {421, "The Host of this request is not an address of this proxy, which shows its board only under its own.", "proxy_internal_response", "For the board, open http://localhost:PORT/ with the port of the proxy. To use the proxy, set it as the HTTP proxy of the browser."}},
    {R::cross_site_request, {403, "The page of another site asked for data of the board.", "http_request_denied", "Open the board itself: http://localhost:PORT/ with the port of the proxy."}},
    {R::scheme_unsupported, {501, "Unsupported URL scheme: only http:// is supported.", "proxy_internal_response", "Use the http:// URL if the server has one."}},
    {R::port_not_allowed, {403, "This port is not allowed (options --connect-ports and --http-ports).", "http_request_denied", "The operator of the proxy can allow the port: with --connect-ports for CONNECT, with --http-ports for http://."}},
    {R::client_not_allowed, {403, "Clients from this address are not allowed (option --allow, or ip_whitelist of the route).", "http_request_denied"}},
    {R::request_not_allowed, {403, "The access rules do not allow this request (options --allow and --deny).", "http_request_denied"}},
    {R::auth_required, {407, "This proxy requires a user name and a password.", "http_request_denied", "With curl, use --proxy-user NAME:PASSWORD. A browser asks for them."}},
    {R::login_required, {401, "A user name and a password are required here.", {}, "With curl, use --user NAME:PASSWORD. A browser asks for them."}},
    {R::too_many_requests, {429, "The client exceeded its request rate (option --client-requests).", "http_request_denied", "Wait a little, then try again."}},
    {R::too_many_connections, {429, "The client has too many open connections (option --client-connections).", "connection_limit_reached"}},
    {R::loop_detected, {508, "Forwarding loop: the request already passed through this proxy.", "proxy_loop_detected", "Check whether the URL names this proxy, or a server that forwards to it."}},
    {R::head_timeout, {408, "Timeout while reading the request head.", "http_request_error", "Try again. To type a request by hand, raise this timeout."}},
    {R::body_timeout, {408, "Timeout while reading the request body.", "http_request_error", "Try again. The network may be slow, or this timeout too short."}},
    {R::host_not_found, {502, "The host name does not exist.", "dns_error", "Check the URL for a typing error. On the proxy's machine, try: getent ahosts NAME"}},
    {R::dns_error, {502, "DNS lookup failed: the name server reported an error.", "dns_error", "Try again. If the error persists, check the name servers in the proxy's /etc/resolv.conf."}},
    {R::dns_timeout, {504, "DNS lookup timed out.", "dns_timeout", "Try again. If the error persists, check the name servers in the proxy's /etc/resolv.conf."}},
    {R::connection_refused, {502, "The server refused the connection: nothing listens there.", "connection_refused", "Check that the server runs, and that its port or socket is right."}},
    {R::host_unreachable, {502, "The server is unreachable from the proxy.", "destination_ip_unroutable", "Check that the proxy's machine is connected to that network."}},
    {R::connect_timeout, {504, "Timeout while connecting to the server.", "connection_timeout", "The server may be down, or a firewall may drop the packets. Try again later."}},
    {R::upstream_closed, {502, "The server closed the connection before a complete response.", "http_response_incomplete", "Try again. If the error persists, check the server's log."}},
    {R::upstream_reset, {502, "The server reset the connection.", "connection_terminated", "Try again. If the error persists, check the server's log."}},
    {R::bad_response, {502, "The server's response is not valid HTTP.", "http_protocol_error", "Check that the port belongs to a web server. If so, the problem is on that server."}},
    {R::unrequested_switch, {502, "The server switched protocols (101) without a request to do so.", "http_protocol_error"}},
    {R::interims_too_large, {502, "The server's interim responses (1xx) have more than 1 MiB.", "http_protocol_error"}},
    {R::response_timeout, {504, "Timeout while waiting for the server's response.", "connection_read_timeout", "Try again later. For slow responses, raise this timeout."}},
    {R::upstream_stalled, {504, "The server stopped in the middle of the exchange.", "connection_write_timeout", "Try again later. The server may be overloaded."}},
    {R::response_truncated, {502, "The server ended its response too early.", "http_response_incomplete"}},
    {R::parent_refused, {502, "The upstream proxy refused to connect to the server.", "destination_unavailable"}},
    {R::parent_auth_failed, {502, "The upstream proxy rejected this proxy's user name and password.", "proxy_configuration_error"}},
    {R::parent_auth_required, {502, "The upstream proxy requires a user name and a password, and none are configured here.", "proxy_configuration_error", "Ask the operator of this proxy to configure them: --parent http://NAME:PASSWORD@HOST:PORT."}},
    {R::bad_parent_response, {502, "Invalid reply from the upstream proxy. Check that a proxy listens on that port.", "http_protocol_error"}},
    {R::file_not_found, {404, "Not found: nothing has this name."}},
    {R::file_forbidden, {403, "Forbidden: this file is not public."}},
    {R::file_unreadable, {500, "The file exists, but reading it failed."}},
    {R::method_not_allowed, {405, "This method is not allowed here.", {}, "The field Allow of the response lists the methods that are."}},
    {R::unknown_method, {400, "The request method is not a registered one. Methods are in capital letters."}},
    {R::precondition_failed, {412, "Precondition failed: the file has changed."}},
    {R::range_not_satisfiable, {416, "The requested range lies outside the file."}},
    {R::max_requests_reached, {503, "The proxy has its maximum number of client connections, or of viewers of the board, which is half of it (option --max-requests). Try again.", "connection_limit_reached"}},
    {R::no_descriptor, {503, "The proxy has no free file descriptor (ulimit -n). Try again.", "proxy_internal_error"}},
    {R::no_local_port, {503, "The proxy has no local port left for a connection to this server.", "proxy_internal_error", "Try again. The operator of the proxy can widen net.ipv4.ip_local_port_range."}},
    {R::no_memory, {503, "The system has no memory left for a connection. Try again.", "proxy_internal_error"}},
    {R::login_timeout, {503, "The proxy had no time to check the password: too many others wait. Try again.", "proxy_internal_error"}},
    {R::no_buffer, {408, "All buffers of the proxy were in use before the request was complete. Try again.", "proxy_internal_error"}},
};
// clang-format on

constexpr auto by_reason() {
  std::array<ErrorReply, static_cast<std::size_t>(R::count)> table{};
  for (const Row& row : kRows) table[static_cast<std::size_t>(row.reason)] = row.reply;
  return table;
}
constexpr auto kReplies = by_reason();

}  // namespace

const ErrorReply& error_reply(base::Reason reason) noexcept {
  return kReplies[static_cast<std::size_t>(reason)];
}

std::string_view phrase(std::uint16_t status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 416: return "Range Not Satisfiable";
    case 421: return "Misdirected Request";
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

}  // namespace http
