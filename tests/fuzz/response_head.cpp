// Fuzz target: the head of a response, and the head written from it for the client.
#include "properties.hpp"

namespace {

using namespace properties;
using http::Body;
using http::Parsed;
using http::ResponseHead;

// RFC 9112 section 6.3, its first rules: no body whatever the fields contain.
bool never_has_body(const ResponseHead& head, bool to_head) {
  return to_head || head.status < 200 || head.status == 204 || head.status == 304;
}

void check_understood(const ResponseHead& head, const reference::Message& read, bool to_head) {
  require(read.version.substr(0, 7) == "HTTP/1.", "a major version other than 1 was accepted");
  require((head.version == http::Version::http10) == (read.version == "HTTP/1.0"), "the version");
  require(head.status >= 100 && head.status <= 999, "an impossible status was accepted");
  require_same(std::to_string(head.status), read.status, "the status");
  require_same(string{head.phrase}, read.phrase, "the phrase");
  require_same(describe(head.fields), describe(read.fields), "the fields");
  require(head.interim() == (read.status[0] == '1'), "an interim answer");
  require(head.has_date == !read.values("Date").empty(), "whether there is a Date");
  const reference::Body body = reference::body_of(read, reference::Body::Kind::until_eof);
  require(body.kind != reference::Body::Kind::refused || never_has_body(head, to_head),
          "a framing was accepted that is to be refused");
  require_same(describe(head.body), never_has_body(head, to_head) ? "none" : describe(body),
               "the body's framing");
}

std::size_t write(const ResponseHead& head, const http::ProxyFields& hop, std::span<char> room) {
  return http::write_response(head, hop, {}, room);
}

// Control characters are written as blanks.
string blanked(string text) {
  for (char& c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) c = ' ';
  return reference::strip(text);
}

void check_written(const ResponseHead& head, const reference::Message& read, std::size_t head_length) {
  Forwarded wanted = end_to_end(read, read.status != "204");
  const string written = write_every_way(head, write, head_length, wanted.options);
  if (written.empty()) return;
  const reference::Message back = read_back(written, true);
  require_same(back.version, "HTTP/1.0", "the version that was written");
  require_same(back.status, read.status, "the status that was written");
  require_same(reference::strip(back.phrase), blanked(read.phrase), "the phrase that was written");
  for (auto& [name, value] : wanted.fields) value = blanked(value);
  // Also if a sender's Connection names Date by mistake.
  if (std::none_of(wanted.fields.begin(), wanted.fields.end(),
                   [](const auto& field) { return reference::lower(field.first) == "date"; }))
    wanted.fields.emplace_back("Date", string{kHop.date});
  wanted.fields.emplace_back("Via", via_value(read.version));
  wanted.fields.emplace_back("Connection", "close");
  require_same(describe(back.fields), describe(wanted.fields), "the fields that were written");
  // Chunks are decoded, so that the end of the connection ends the body.
  const bool open_end = head.body.kind == Body::Kind::chunked || head.body.kind == Body::Kind::until_eof;
  const reference::Body body = reference::body_of(back, reference::Body::Kind::until_eof);
  if (!never_has_body(head, false))
    require_same(describe(body), open_end ? "until_eof" : describe(head.body),
                 "the body's framing that was written");
}

Parsed parse(string_view bytes, std::size_t seen, ResponseHead& head) {
  return http::parse_response(bytes, seen, false, head);
}

// The fields that describe the body are the fault.
bool is_bad_framing(const Parsed& parsed) {
  using base::Reason;
  return parsed.what == Parsed::What::bad &&
         (parsed.why == Reason::bad_content_length || parsed.why == Reason::bad_transfer_encoding ||
          parsed.why == Reason::conflicting_framing || parsed.why == Reason::transfer_encoding_unsupported);
}

// `parsed`: the verdict on the same head in answer to another method than HEAD. The answer to HEAD has no
// body, whatever these fields say.
void check_answer_to_head(const Parsed& to_head, const Parsed& parsed, std::size_t size) {
  if (!is_bad_framing(parsed)) return require_same_verdict(to_head, parsed, size, 0);
  require(!is_bad_framing(to_head), "an answer without a body was refused for the body's length");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const string_view text{reinterpret_cast<const char*>(data), size};
  Revealed input{text};
  ResponseHead head, to_head;
  const Parsed parsed = parse_every_way(input, text, parse, head);
  check_answer_to_head(http::parse_response(text, 0, true, to_head), parsed, size);
  require_deserved(parsed, text, true);
  if (parsed.what != Parsed::What::complete) return 0;

  const auto read = reference::read_head(text.substr(0, parsed.length), true);
  if (!read) fail("accepted though it is not to the letter of the grammar");
  check_understood(head, *read, false);
  check_understood(to_head, *read, true);
  if (!head.interim()) check_written(head, *read, parsed.length);  // interim responses are dropped
  return 0;
}
