// Fuzz target: the head of a request, and the head written from it for the next hop.
#include <vector>

#include "properties.hpp"

namespace {

using namespace properties;
using http::Body;
using http::Parsed;
using http::RequestHead;

Parsed parse(string_view bytes, std::size_t seen, RequestHead& head) {
  return http::parse_request(bytes, seen, head);
}

// An accepted head follows the RFC exactly, and has the same meaning to the reference parser.
void check_understood(const RequestHead& head, const reference::Message& read) {
  require_same(string{head.method}, read.method, "the method");
  require_same(string{head.target}, read.target, "the target");
  require(read.version.substr(0, 7) == "HTTP/1.", "a major version other than 1 was accepted");
  require((head.version == http::Version::http10) == (read.version == "HTTP/1.0"), "the version");
  require_same(describe(head.fields), describe(read.fields), "the fields");
  require_same(describe(head.body), describe(reference::body_of(read, reference::Body::Kind::none)),
               "the body's framing");
  const auto hosts = read.values("Host");
  require(hosts.size() <= 1, "two Host fields were accepted");
  require(!hosts.empty() || head.version == http::Version::http10, "HTTP/1.1 was accepted without Host");
  require(head.form == http::TargetForm::absolute || hosts.empty() || reference::read_host_field(hosts[0]),
          "an impossible Host was accepted");
}

std::size_t write(const RequestHead& head, const http::ProxyFields& hop, std::span<char> room) {
  return http::write_request(head, hop, {}, room);
}

// The received fields that are forwarded.
Forwarded passed_on(const reference::Message& read) {
  Forwarded wanted = end_to_end(read, true);
  if (read.method == "TRACE" || read.method == "OPTIONS")  // RFC 9110 section 7.6.2
    for (auto& [name, value] : wanted.fields)
      if (reference::lower(name) == "max-forwards")
        if (const auto left = reference::number(value); left && *left <= UINT32_MAX)
          value = std::to_string(std::max<std::uint64_t>(*left, 1) - 1);
  return wanted;
}

void check_body(const RequestHead& head, const reference::Message& back) {
  if (head.body.kind != Body::Kind::chunked)  // those are refused (411), not forwarded
    require_same(describe(reference::body_of(back, reference::Body::Kind::none)), describe(head.body),
                 "the body's framing that was written");
}

string path_of(const reference::Uri& uri) {
  string path = uri.path.empty() || uri.path[0] != '/' ? "/" : "";
  for (const char c : uri.path) {
    const auto byte = static_cast<unsigned char>(c);
    std::array<char, 4> encoded{};
    if (byte >= 0x80) std::snprintf(encoded.data(), encoded.size(), "%%%02X", static_cast<unsigned>(byte));
    path += byte >= 0x80 ? string{encoded.data()} : string{c};
  }
  return path;
}

void check_written(const RequestHead& head, const reference::Message& read, const reference::Uri& uri,
                   std::size_t head_length) {
  Forwarded wanted = passed_on(read);
  const string written = write_every_way(head, write, head_length, wanted.options);
  if (written.empty()) return;
  const reference::Message back = read_back(written, false);
  require_same(back.method, read.method, "the method that was written");
  const bool whole_server = read.method == "OPTIONS" && uri.path.empty();  // RFC 9112 section 3.2.4
  require_same(back.target, whole_server ? "*" : path_of(uri), "the target that was written");
  require_same(back.version, "HTTP/1.0", "the version that was written");
  wanted.fields.insert(wanted.fields.begin(), {"Host", reference::host_field(uri.authority)});
  wanted.fields.emplace_back("Via", via_value(read.version));
  wanted.fields.emplace_back("Connection", "close");
  require_same(describe(back.fields), describe(wanted.fields), "the fields that were written");
  check_body(head, back);
}

// ---- for another proxy, and for an upstream server -------------------------------------------------------

const string kCredentials(http::kCredentialsBytesMax, 'Q');
const string kId(http::kRequestIdMax, 'i');
const string kFallback = string(http::kHostBytesMax, 'f') + ":65535";
const string kClient = "2001:db88:1111:2222:3333:4444:5555:6666";

std::size_t write_to_proxy(const RequestHead& head, const http::ProxyFields& hop, std::span<char> room) {
  return http::write_request(head, hop, {.request_id = kId, .absolute = true, .credentials = kCredentials},
                             room);
}

std::size_t write_to_server(const RequestHead& head, const http::ProxyFields& hop, std::span<char> room) {
  http::Form form{.request_id = kId, .reverse = true, .scheme = "https", .host = kFallback};
  require(sys::parse_ip(kClient, 4711, form.client), "the client's address");
  return http::write_request(head, hop, form, room);
}

void add_ours(Forwarded& wanted, const reference::Message& read, bool to_proxy) {
  if (read.values("X-Request-Id").empty()) wanted.fields.emplace_back("X-Request-Id", kId);
  if (to_proxy) wanted.fields.emplace_back("Proxy-Authorization", "Basic " + kCredentials);
  wanted.fields.emplace_back("Via", via_value(read.version));
  wanted.fields.emplace_back("Connection", "close");
}

void check_to_proxy(const RequestHead& head, const reference::Message& read, const reference::Uri& uri,
                    std::size_t head_length) {
  Forwarded wanted = passed_on(read);
  const string written = write_every_way(head, write_to_proxy, head_length, wanted.options);
  if (written.empty()) return;
  const reference::Message back = read_back(written, false);
  const string host = reference::host_field(uri.authority);
  const bool whole_server = read.method == "OPTIONS" && uri.path.empty();
  require_same(back.target, "http://" + host + (whole_server ? "" : path_of(uri)), "the target for a proxy");
  wanted.fields.insert(wanted.fields.begin(), {"Host", host});
  add_ours(wanted, read, true);
  require_same(describe(back.fields), describe(wanted.fields), "the fields for a proxy");
  check_body(head, back);
}

// What a client says of its way, and what CGI reads as a field of the proxy (RFC 3875 section 4.1.18).
bool is_not_for_server(const string& received) {
  string name = reference::lower(received);
  for (char& c : name)
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) c = '-';
  static const char* const kNames[] = {
      "content-length",      "transfer-encoding",  "proxy-connection",
      "keep-alive",          "http2-settings",     "max-forwards",
      "proxy-authorization", "proxy-authenticate", "proxy-authentication-info",
      "x-real-ip",           "x-request-id"};
  const bool other_spelling = name != reference::lower(received);
  const bool is_ours = std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
  return (name.starts_with("x-forwarded-") && name.size() > 12) || name == "forwarded" ||
         name == "x-real-ip" || (other_spelling && is_ours);
}

// `ours` is appended to the last field of that name, or is a new field.
void append(Forwarded& wanted, const string& name, const string& ours) {
  const auto last = std::find_if(wanted.fields.rbegin(), wanted.fields.rend(), [&](const auto& field) {
    return reference::lower(field.first) == reference::lower(name);
  });
  if (last == wanted.fields.rend())
    wanted.fields.emplace_back(name, ours);
  else
    last->second += (last->second.empty() ? "" : ", ") + ours;
}

// `host` as written to Host, and `asked` as a name and a number, if present.
void check_to_server(const RequestHead& head, const reference::Message& read, const string& target,
                     const string& host, const string& asked, std::size_t head_length) {
  Forwarded wanted = passed_on(read);
  const string written = write_every_way(head, write_to_server, head_length, wanted.options);
  if (written.empty()) return;
  const reference::Message back = read_back(written, false);
  require_same(back.target, target, "the target for a server behind us");
  std::erase_if(wanted.fields, [](const auto& field) { return is_not_for_server(field.first); });
  wanted.fields.insert(wanted.fields.begin(), {"Host", host});
  const string quote = reference::all(asked, reference::is_tchar) ? "" : "\"";
  append(wanted, "X-Forwarded-For", kClient);
  append(
      wanted, "Forwarded",
      "for=\"[" + kClient + "]\"" + (asked.empty() ? "" : ";host=" + quote + asked + quote) + ";proto=https");
  wanted.fields.emplace_back("X-Real-IP", kClient);
  wanted.fields.emplace_back("X-Forwarded-Proto", "https");
  if (!asked.empty() && asked.find(',') == string::npos)
    wanted.fields.emplace_back("X-Forwarded-Host", asked);
  add_ours(wanted, read, false);
  require_same(describe(back.fields), describe(wanted.fields), "the fields for a server behind us");
  check_body(head, back);
}

void check_origin_form(const RequestHead& head, const reference::Message& read, std::size_t head_length) {
  const auto hosts = read.values("Host");
  string asked;
  if (!hosts.empty()) {
    auto authority = *reference::read_host_field(hosts[0]);
    const bool has_port = hosts[0].back() >= '0' && hosts[0].back() <= '9' &&
                          hosts[0].rfind(':') != string::npos &&
                          (!authority.ipv6 || hosts[0].rfind(':') > hosts[0].find(']'));
    const string port = ":" + std::to_string(authority.port);
    authority.port = 80;  // the default port is omitted
    asked = reference::host_field(authority) + (has_port ? port : "");
  }
  const reference::Uri uri{{}, read.target.substr(0, read.target.find('#'))};
  check_to_server(head, read, path_of(uri), hosts.empty() ? kFallback : hosts[0], asked, head_length);
}

void check_absolute_form(const RequestHead& head, const reference::Message& read, std::size_t head_length) {
  const auto uri = reference::read_http_uri(string_view{read.target}.substr(read.target.find("://") + 3));
  if (!uri) fail("an http URI was accepted that is none: " + escaped(read.target));
  check_written(head, read, *uri, head_length);
  check_to_proxy(head, read, *uri, head_length);
  const bool whole_server = read.method == "OPTIONS" && uri->path.empty();
  const string host = reference::host_field(uri->authority);
  check_to_server(head, read, whole_server ? "*" : path_of(*uri), host, host, head_length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const string_view text{reinterpret_cast<const char*>(data), size};
  Revealed input{text};
  RequestHead head;
  const Parsed parsed = parse_every_way(input, text, parse, head);
  require_deserved(parsed, text, false);
  if (parsed.what != Parsed::What::complete) return 0;

  string_view own = text.substr(0, parsed.length);
  if (own.substr(0, 2) == "\r\n") own.remove_prefix(2);
  const auto read = reference::read_head(own, false);
  if (!read) fail("accepted though it is not to the letter of the grammar");
  check_understood(head, *read);
  if (head.form == http::TargetForm::absolute && head.plain_http)
    check_absolute_form(head, *read, parsed.length);
  if (head.form == http::TargetForm::origin) check_origin_form(head, *read, parsed.length);
  return 0;
}
