// Fuzz target: authorities, alone and in the URI of a request line, against the simple parser of
// reference.hpp.
#include "properties.hpp"

namespace {

using namespace properties;
using http::Parsed;

string describe_authority(const http::Authority& authority) {
  return string{authority.host} + " port " + std::to_string(authority.port) + (authority.ipv6 ? " ipv6" : "");
}
string describe_authority(const reference::Authority& authority) {
  return authority.host + " port " + std::to_string(authority.port) + (authority.ipv6 ? " ipv6" : "");
}

void check_authority(string_view text) {
  Revealed input{text};
  http::Authority authority;
  const bool accepted = http::parse_authority(input.show(text.size()), authority);
  const auto read = reference::read_authority(text);
  require(accepted == read.has_value(),
          accepted ? "an authority was accepted that is none" : "a good authority was refused");
  if (!accepted) return;
  require_same(describe_authority(authority), describe_authority(*read), "the authority");
  // Written to Host, it is the same authority.
  const string host = reference::host_field(*read);
  http::Authority again;
  require(http::parse_authority(host, again), "an authority as we write it was refused");
  require_same(describe_authority(again), describe_authority(authority), "the authority, written and read");
}

void check_uri(string_view text) {
  const string head_text = "GET http://" + string{text} + " HTTP/1.1\r\nHost: x\r\n\r\n";
  Revealed input{head_text};
  http::RequestHead head;
  const Parsed parsed = http::parse_request(input.show(head_text.size()), 0, head);
  if (!reference::all(text, reference::is_visible)) return;  // the text contains more than a URI
  const auto read = reference::read_http_uri(text);
  const bool accepted = parsed.what == Parsed::What::complete;
  if (accepted != read.has_value())
    fail(accepted ? "a URI was accepted that is none" : "a good URI was refused: " + describe(parsed));
  if (!accepted) {
    require(parsed.why == base::Reason::bad_target, "a bad URI was refused for another reason");
    return;
  }
  require(head.form == http::TargetForm::absolute && head.plain_http, "an http URI is not known as one");
  require_same(describe_authority(head.authority), describe_authority(read->authority), "the authority");
  require_same(string{head.path}, read->path, "the path");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Longer ones exceed the first line's limit.
  if (size > 4000) return 0;
  const string_view text{reinterpret_cast<const char*>(data), size};
  check_authority(text);
  check_uri(text);
  return 0;
}
