// Fuzz target: the head of a request, and what is written for it to the next hop.
#include "properties.hpp"

namespace {

using namespace properties;
using http::Body;
using http::Parsed;
using http::RequestHead;

Parsed parse(string_view bytes, std::size_t seen, RequestHead& head) {
  return http::parse_request(bytes, seen, head);
}

// What was accepted is to the letter of the RFC, and was understood as a plain reading does.
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
  require(hosts.empty() || reference::read_authority(hosts[0]), "an impossible Host was accepted");
}

std::size_t write(const RequestHead& head, const http::Hop& hop, std::span<char> room) {
  return http::write_request(head, hop, {}, room);
}

void check_written(const RequestHead& head, const reference::Message& read, std::size_t head_length) {
  const auto uri = reference::read_http_uri(string_view{read.target}.substr(7));  // behind "http://"
  if (!uri) fail("an http URI was accepted that is none: " + escaped(read.target));
  Forwarded wanted = end_to_end(read, true);
  if (read.method == "TRACE" || read.method == "OPTIONS")  // RFC 9110 section 7.6.2
    for (auto& [name, value] : wanted.fields)
      if (reference::lower(name) == "max-forwards" && head.forwards_left >= 0)
        value = std::to_string(std::max<std::int64_t>(head.forwards_left, 1) - 1);
  const string written = write_every_way(head, write, head_length, wanted.options);
  if (written.empty()) return;
  const reference::Message back = read_back(written, false);
  require_same(back.method, read.method, "the method that was written");
  const bool whole_server = read.method == "OPTIONS" && uri->path.empty();  // RFC 9112 section 3.2.4
  const string path = uri->path.empty() || uri->path[0] != '/' ? "/" + uri->path : uri->path;
  require_same(back.target, whole_server ? "*" : path, "the target that was written");
  require_same(back.version, "HTTP/1.0", "the version that was written");
  wanted.fields.insert(wanted.fields.begin(), {"Host", reference::host_field(uri->authority)});
  wanted.fields.emplace_back("Via", via_value(read.version));
  wanted.fields.emplace_back("Connection", "close");
  require_same(describe(back.fields), describe(wanted.fields), "the fields that were written");
  if (head.body.kind != Body::Kind::chunked)  // those are refused (411), not forwarded
    require_same(describe(reference::body_of(back, reference::Body::Kind::none)), describe(head.body),
                 "the body's framing that was written");
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
  if (head.form == http::TargetForm::absolute && head.plain_http) check_written(head, *read, parsed.length);
  return 0;
}
