// The parser of HTTP heads, by RFC 9112 and RFC 1945. It is a pure function of the received bytes; its
// results are views into them. Messages that two programs could read differently are rejected. Requests must
// follow the grammar; in responses, faults that leave one reading are accepted (docs/design.md lists them).
#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "src/base/text.hpp"
#include "src/http/head.hpp"
#include "src/sys/address.hpp"

namespace http {

const Field* Fields::find(std::string_view name) const noexcept {
  for (const Field& field : all())
    if (base::equals_ignoring_case(field.name, name)) return &field;
  return nullptr;
}

namespace {

using base::equals_ignoring_case;
using base::Reason;
using std::string_view;

// ---- lines -----------------------------------------------------------------------------------------------

// Faults of servers that are accepted, and those of clients that are not.
constexpr bool is_lenient(const RequestHead&) { return false; }
constexpr bool is_lenient(const ResponseHead&) { return true; }

struct Line {
  enum class What : std::uint8_t { whole, partial, bad };
  What what;
  Reason why;
  string_view text;       // without its end
  std::size_t end = 2;    // length of its end: CR LF, or LF
  bool controls = false;  // it contains control characters
};

// Returns the number of characters at the front that a field value may contain. Eight at a time, as long as
// none of them is a control character.
std::size_t value_length(string_view text) noexcept {
  constexpr std::uint64_t kEach = 0x0101010101010101, kHigh = kEach * 0x80;  // of each byte
  std::size_t i = 0;
  for (std::uint64_t word = 0; i + sizeof word <= text.size(); i += sizeof word) {
    std::memcpy(&word, text.data() + i, sizeof word);
    const std::uint64_t del = word ^ kEach * 0x7f;  // a byte is 0 where `word` has DEL
    const std::uint64_t found = (((word - kEach * 0x20) & ~word) | ((del - kEach) & ~del)) & kHigh;
    if (found == 0) continue;
    if constexpr (std::endian::native == std::endian::little)  // the lowest bit is that of the first one
      i += static_cast<std::size_t>(std::countr_zero(found)) / 8;
    break;
  }
  while (i < text.size() && base::is(text[i], base::kFieldValue)) ++i;
  return i;
}

// Returns the line that starts at `start`, with all its characters checked. `lenient`: LF alone ends it too
// (RFC 9112 section 2.2), and it may contain control characters (RFC 9110 section 5.5).
Line line_at(string_view bytes, std::size_t start, bool lenient) noexcept {
  bool controls = false;
  for (std::size_t i = start; i += value_length(bytes.substr(i)), i < bytes.size(); ++i) {
    const char c = bytes[i];
    const string_view before = bytes.substr(start, i - start);
    if (c == '\n' && lenient) return {Line::What::whole, Reason::none, before, 1, controls};
    if (c == '\n') return {Line::What::bad, Reason::bad_line_end, before};
    if (c != '\r') {
      if (!lenient || c == '\0')
        return {Line::What::bad, Reason::bad_character, before};  // PLANT(only-cr-in-line)
      controls = true;
      continue;
    }
    if (i + 1 == bytes.size()) return {Line::What::partial, Reason::none, before};  // PLANT(cr-at-end)
    if (bytes[i + 1] != '\n') return {Line::What::bad, Reason::bad_line_end, before};
    return {Line::What::whole, Reason::none, before, 2, controls};
  }
  return {Line::What::partial, Reason::none, bytes.substr(start)};
}

// RFC 9112 section 5: field-name ":" OWS field-value OWS, no folding. Blanks before the colon are rejected in
// a request and removed from a response (section 5.1).
Reason parse_field(string_view line, bool lenient, Fields& fields, bool& overflow) noexcept {
  const auto is_blank = [&line](std::size_t i) {
    return i < line.size() && (line[i] == ' ' || line[i] == '\t');
  };
  if (is_blank(0)) return Reason::folded_header;
  std::size_t name = 0;
  while (name < line.size() && base::is(line[name], base::kToken)) ++name;
  std::size_t colon = name;
  while (lenient && is_blank(colon)) ++colon;  // PLANT(blank-before-colon)
  if (name == 0 || colon == line.size() || line[colon] != ':') return Reason::bad_header;
  if (!fields.add({line.substr(0, name), base::trimmed(line.substr(colon + 1))})) overflow = true;
  return Reason::none;
}

// ---- the first line --------------------------------------------------------------------------------------

// RFC 9112 section 2.3: "HTTP/" DIGIT "." DIGIT, in capitals.
Reason parse_version(string_view text, Version& version) noexcept {
  if (text.size() != 8 || text.substr(0, 5) != "HTTP/" || text[6] != '.' ||
      !base::is(text[5], base::kDigit) || !base::is(text[7], base::kDigit))
    return Reason::bad_version;
  if (text[5] != '1') return Reason::version_unsupported;
  version = text[7] == '0' ? Version::http10 : Version::http11;
  return Reason::none;
}

// "host:" means the default port (RFC 3986 section 3.2.3).
bool parse_port(string_view text, std::uint16_t& port) noexcept {
  return text.empty() || base::parse_port(text, port);  // PLANT(port-range)
}

bool parse_bracketed(string_view text, Authority& out, string_view& rest) noexcept {
  const std::size_t close = text.find(']');
  if (close == string_view::npos) return false;
  out.host = text.substr(1, close - 1);
  out.ipv6 = true;
  rest = text.substr(close + 1);
  sys::Address parsed;
  return sys::parse_ip(out.host, 0, parsed) && parsed.family == sys::Address::Family::ipv6;
}

// RFC 9110 section 4.2.1: "http://" authority path-abempty [ "?" query ]. Userinfo and fragment (RFC 3986)
// are removed: they are not for the origin server (sections 4.2.4 and 4.2.5).
Reason parse_http_uri(string_view rest, RequestHead& head) noexcept {
  const auto ends = [](char c) { return c == '/' || c == '?' || c == '#'; };
  const auto authority_end =
      static_cast<std::size_t>(std::find_if(rest.begin(), rest.end(), ends) - rest.begin());
  string_view authority = rest.substr(0, authority_end);
  // PLANT(first-at-sign)
  if (const std::size_t at = authority.find('@'); at != string_view::npos) {
    if (!base::all_are(authority.substr(0, at), base::kUserinfo)) return Reason::bad_target;
    authority.remove_prefix(at + 1);
  }
  if (!parse_authority(authority, head.authority)) return Reason::bad_target;
  head.path = rest.substr(authority_end);
  head.path = head.path.substr(0, head.path.find('#'));
  return Reason::none;
}

bool is_scheme(string_view text) noexcept {
  if (text.empty() || base::lower(text.front()) < 'a' || base::lower(text.front()) > 'z') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return base::is(c, base::kDigit) || (base::lower(c) >= 'a' && base::lower(c) <= 'z') || c == '+' ||
           c == '-' || c == '.';
  });
}

// Clients send paths with bytes above 0x7f, which are percent-encoded when they are written.
bool is_in_target(char c) noexcept {
  return base::is(c, base::kVisible) || static_cast<unsigned char>(c) >= 0x80;
}

// RFC 9112 section 3.2, the four forms. "ws" is "http" with Upgrade (RFC 6455 section 3).
Reason parse_target(RequestHead& head) noexcept {
  const string_view target = head.target;
  if (target.empty() || !std::all_of(target.begin(), target.end(), is_in_target)) return Reason::bad_target;
  if (head.method == "CONNECT") {
    head.form = TargetForm::authority;
    const bool has_port = target.rfind(':') != string_view::npos && base::is(target.back(), base::kDigit);
    return has_port && parse_authority(target, head.authority) ? Reason::none : Reason::bad_target;
  }
  if (target == "*") {
    head.form = TargetForm::asterisk;
    return Reason::none;
  }
  if (target.front() == '/') {
    head.form = TargetForm::origin;
    head.path = target.substr(0, target.find('#'));
    return Reason::none;
  }
  const std::size_t scheme_end = target.find("://");
  if (scheme_end == string_view::npos || !is_scheme(target.substr(0, scheme_end))) return Reason::bad_target;
  head.form = TargetForm::absolute;
  const string_view scheme = target.substr(0, scheme_end);
  head.plain_http = equals_ignoring_case(scheme, "http") || equals_ignoring_case(scheme, "ws");
  return head.plain_http ? parse_http_uri(target.substr(scheme_end + 3), head) : Reason::none;
}

// RFC 9112 section 3: method SP request-target SP HTTP-version, with single blanks.
Reason parse_first_line(string_view line, RequestHead& head) noexcept {
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first == string_view::npos ? first : first + 1);
  if (second == string_view::npos) return Reason::bad_request_line;
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, second - first - 1);
  if (head.method.empty() || head.method.size() > kMethodBytesMax ||
      !base::all_are(head.method, base::kToken) || line.find(' ', second + 1) != string_view::npos)
    return Reason::bad_request_line;
  if (const Reason why = parse_version(line.substr(second + 1), head.version); why != Reason::none)
    return why;
  return parse_target(head);
}

// RFC 9112 section 4: HTTP-version SP status-code SP [ reason-phrase ]. Many servers omit the blank before an
// empty phrase, which is not ambiguous. "ICY" is HTTP/1.0 to servers of radio streams.
Reason parse_first_line(string_view line, ResponseHead& head) noexcept {
  const bool icy = line.starts_with("ICY ");
  const std::size_t code = icy ? 4 : 9, end = code + 3;
  if (line.size() < end || line[code - 1] != ' ' || (line.size() > end && line[end] != ' '))
    return Reason::bad_status_line;
  if (!icy)
    if (const Reason why = parse_version(line.substr(0, 8), head.version); why != Reason::none) return why;
  if (!base::parse_decimal(line.substr(code, 3), head.status) || head.status < 100)
    return Reason::bad_status_line;
  head.phrase = line.substr(std::min(end + 1, line.size()));
  return Reason::none;
}

// ---- the whole head --------------------------------------------------------------------------------------

// The fields about the body's length.
struct Lengths {
  std::size_t length_fields = 0;
  std::size_t encoding_fields = 0;
  std::optional<std::uint64_t> length;
  std::size_t codings = 0;  // of Transfer-Encoding
  std::size_t chunked = 0;  // how many of them are "chunked"
  bool identity = false;    // "identity" comes first
  bool ends_chunked = false;
  bool odd_length = false;
};

// Reads one Content-Length. `lenient`: the same number may be repeated, in a list too (RFC 9110 section 8.6).
void read_length(string_view value, bool lenient, Lengths& found) noexcept {
  ++found.length_fields;
  std::uint64_t length = 0;
  bool any = false;
  do {
    const string_view number = lenient ? base::next_element(value) : std::exchange(value, {});
    if (lenient && number.empty()) continue;
    any = true;
    found.odd_length |= !base::parse_decimal(number, length) || (found.length && *found.length != length);
    found.length = length;
  } while (!value.empty());
  found.odd_length |= !any;
}

// Empty elements do not count (RFC 9110 section 5.6.1.2). `lenient`: nor does "identity" before the others,
// which changes nothing (RFC 2616 section 3.6).
void read_encoding(string_view value, bool lenient, Lengths& found) noexcept {
  ++found.encoding_fields;
  while (!value.empty()) {
    const string_view coding = base::next_element(value);
    if (coding.empty()) continue;
    if (lenient && found.codings == 0 && equals_ignoring_case(coding, "identity")) {
      found.identity = true;
      continue;
    }
    found.ends_chunked = equals_ignoring_case(coding, "chunked");
    ++found.codings;
    if (found.ends_chunked) ++found.chunked;
  }
}

Lengths find_lengths(const Fields& fields, bool lenient) noexcept {
  Lengths found;
  for (const Field& field : fields.all()) {
    if (field.id == FieldName::content_length) read_length(field.value, lenient, found);
    if (field.id == FieldName::transfer_encoding) read_encoding(field.value, lenient, found);
  }
  return found;
}

// RFC 9112 section 6.1: only "chunked" is supported. A list that does not end in a single "chunked" leaves
// the end of the body open; any coding before it is unsupported. HTTP/1.0 servers send chunks nevertheless.
Reason check_encoding(const Lengths& found, Version version, bool lenient) noexcept {
  if (found.codings > 1 && found.chunked == 1 && found.ends_chunked)
    return Reason::transfer_encoding_unsupported;
  // PLANT(one-encoding)
  if (!lenient && (found.encoding_fields > 1 || version == Version::http10))
    return Reason::bad_transfer_encoding;
  return found.codings == 1 && found.ends_chunked ? Reason::none : Reason::bad_transfer_encoding;
}

// RFC 9112 section 6.3, rejecting where it leaves a choice. `otherwise`: the body if no field gives its
// length.
template <class Head>
Reason decide_body(Head& head, Body::Kind otherwise) noexcept {
  const Lengths found = find_lengths(head.fields, is_lenient(head));
  // PLANT(length-or-chunks)
  if (found.length_fields != 0 && found.encoding_fields != 0) return Reason::conflicting_framing;
  const bool repeated = !is_lenient(head) && found.length_fields > 1;
  if (repeated || found.odd_length) return Reason::bad_content_length;  // PLANT(one-length)
  head.length = found.length;
  head.body = {otherwise, 0};
  if (found.length) head.body = {Body::Kind::length, *found.length};
  if (found.encoding_fields == 0 || (found.identity && found.codings == 0)) return Reason::none;
  head.body = {Body::Kind::chunked, 0};
  return check_encoding(found, head.version, is_lenient(head));
}

// RFC 9112 section 3.2: one valid Host in each HTTP/1.1 request; never two. Beside a target in absolute form
// its value does not count (section 3.2.2).
Reason check_host(const RequestHead& head) noexcept {
  std::size_t hosts = 0;
  for (const Field& field : head.fields.all()) {
    if (field.id != FieldName::host) continue;
    Authority ignored;
    const bool counts = head.form != TargetForm::absolute;
    if (++hosts > 1 || (counts && !parse_host_field(field.value, ignored))) return Reason::bad_host;
  }
  return hosts == 0 && head.version == Version::http11 ? Reason::bad_host : Reason::none;
}

// Reads Connection (RFC 9110 section 7.6.1). HTTP/1.0 cannot upgrade, and its servers close: their
// "keep-alive" is not safe through proxies (RFC 9112 section 9.3 and appendix C.2.2). Returns true if it is
// named, and close is not.
template <class Head>
bool find_connection(Head& head) noexcept {
  bool close = false, keep_alive = false, upgrade = false;
  for (const Field& field : head.fields.all()) {
    if (field.id != FieldName::connection) continue;
    for (string_view rest = field.value; !rest.empty();) {
      const string_view option = base::next_element(rest);
      close |= equals_ignoring_case(option, "close");
      keep_alive |= equals_ignoring_case(option, "keep-alive");
      upgrade |= equals_ignoring_case(option, "upgrade");
    }
  }
  keep_alive &= !close;
  if (head.version == Version::http10) return keep_alive;  // PLANT(http10-closes)
  head.persistent = !close;
  head.upgrade = upgrade;
  return keep_alive;
}

// Max-Forwards counts for TRACE and OPTIONS only (RFC 9110 section 7.6.2). Invalid numbers are ignored.
void find_forwards_left(RequestHead& head) noexcept {
  if (head.method != "TRACE" && head.method != "OPTIONS") return;
  for (const Field& field : head.fields.all()) {
    std::uint32_t left = 0;
    if (field.id == FieldName::max_forwards && base::parse_decimal(field.value, left))
      head.forwards_left = left;
  }
}

// Expect is a list (RFC 9110 section 10.1.1).
void find_expectation(RequestHead& head) noexcept {
  for (const Field& field : head.fields.all()) {
    if (field.id != FieldName::expect) continue;
    for (string_view rest = field.value; !rest.empty();)
      head.expects_continue |= equals_ignoring_case(base::next_element(rest), "100-continue");
  }
}

Reason finish(RequestHead& head, bool /*without_body*/) noexcept {
  if (const Reason why = check_host(head); why != Reason::none) return why;
  find_forwards_left(head);
  if (head.version == Version::http11) find_expectation(head);
  const bool asks_to_stay = find_connection(head);
  if (head.version == Version::http10) head.persistent = asks_to_stay;
  return decide_body(head, Body::Kind::none);
}

// RFC 9112 section 6.3, rule 1: some responses have no body whatever their fields say.
Reason finish(ResponseHead& head, bool without_body) noexcept {
  head.has_date = head.fields.find(FieldName::date) != nullptr;
  find_connection(head);
  const Reason why = decide_body(head, Body::Kind::until_eof);
  if (!without_body && !head.interim() && head.status != 204 && head.status != 304) return why;
  head.body = {};  // contradictory lengths have left `length` empty
  return Reason::none;
}

// The length of the empty lines before the first line: of a request one at most (RFC 9112 section 2.2).
std::size_t empty_lines(string_view bytes, const RequestHead&) noexcept {
  return bytes.starts_with("\r\n") ? 2 : 0;
}
std::size_t empty_lines(string_view bytes, const ResponseHead&) noexcept {
  std::size_t length = 0;
  for (;; ++length) {
    const string_view rest = bytes.substr(length);
    if (rest.starts_with("\r\n"))
      ++length;
    else if (!rest.starts_with('\n'))
      return length;
  }
}

void note_controls(RequestHead&, bool) noexcept {}
void note_controls(ResponseHead& head, bool controls) noexcept { head.controls |= controls; }

constexpr Reason first_line_reason(const RequestHead&) { return Reason::bad_request_line; }
constexpr Reason first_line_reason(const ResponseHead&) { return Reason::bad_status_line; }

constexpr Parsed bad(Reason why) noexcept { return {Parsed::What::bad, 0, why}; }

// The first byte of a TLS record: an alert or a handshake (RFC 8446 section 5.1). No line of HTTP begins so.
bool is_tls(string_view bytes) noexcept {
  return !bytes.empty() && (bytes.front() == '\x15' || bytes.front() == '\x16');
}

// Parses line by line, from the line that contains byte `seen`. Errors are found in the order of the bytes,
// and in a line first its characters, then its structure: so the result does not depend on how the head was
// split.
template <class Head>
Parsed walk(string_view bytes, std::size_t seen, Head& head, const HeadLimits& limits) noexcept {
  if (is_tls(bytes)) return bad(Reason::tls_instead_of_http);
  head.fields.limit(limits.fields);
  const bool at_limit = bytes.size() >= limits.bytes;
  bytes = bytes.substr(0, limits.bytes);
  const std::size_t first_start = empty_lines(bytes, head);
  // Without an LF, rfind returns npos, and npos + 1 is 0.
  std::size_t start = std::max(first_start, bytes.substr(0, seen).rfind('\n') + 1);  // PLANT(line-start)
  bool overflow = false;
  for (;;) {
    const Line line = line_at(bytes, start, is_lenient(head));
    const bool first = start == first_start;
    if (first && line.text.size() > kFirstLineBytesMax) return bad(Reason::target_too_long);
    if (line.what == Line::What::bad) return bad(line.why);
    if (line.what == Line::What::partial)
      return at_limit ? bad(Reason::head_too_large) : Parsed{Parsed::What::partial, 0, Reason::none};
    start += line.text.size() + line.end;
    if (line.text.empty()) {
      if (first) return bad(first_line_reason(head));
      return overflow ? bad(Reason::too_many_headers) : Parsed{Parsed::What::complete, start, Reason::none};
    }
    note_controls(head, line.controls);
    const Reason why = first ? parse_first_line(line.text, head)
                             : parse_field(line.text, is_lenient(head), head.fields, overflow);
    if (why != Reason::none) return bad(why);
  }
}

template <class Head>
Parsed parse(string_view bytes, std::size_t seen, bool without_body, Head& head,
             const HeadLimits& limits) noexcept {
  ::new (&head) Head;  // not `head = Head{}`, which would copy room for all fields
  Parsed parsed = walk(bytes, seen, head, limits);
  // PLANT(resume-head)
  if (parsed.what == Parsed::What::complete && seen > 0) {
    ::new (&head) Head;  // the lines before `seen` were checked but not kept
    parsed = walk(bytes, 0, head, limits);
  }
  if (parsed.what != Parsed::What::complete) return parsed;
  const Reason why = finish(head, without_body);
  return why == Reason::none ? parsed : bad(why);
}

}  // namespace

Version claimed_version(string_view bytes) noexcept {
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  string_view line = bytes.substr(0, bytes.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line.ends_with(" HTTP/1.1") ? Version::http11 : Version::http10;
}

bool is_host(string_view text) noexcept {
  if (text.empty() || text.size() > kHostBytesMax || !base::all_are(text, base::kHostName)) return false;
  string_view last = text;
  if (last.back() == '.') last.remove_suffix(1);
  last = last.substr(last.rfind('.') + 1);
  const bool hex = last.size() >= 2 && last[0] == '0' && base::lower(last[1]) == 'x' &&
                   base::all_are(last.substr(2), base::kHexDigit);
  if (last.empty()) return false;
  if (!hex && !base::all_are(last, base::kDigit)) return true;  // PLANT(numeric-last-label)
  sys::Address ignored;
  return sys::parse_ip(text, 0, ignored);
}

namespace {

// `is_name`: tells whether a host that is not in brackets is valid.
bool parse_authority_of(string_view text, bool (*is_name)(string_view), Authority& out) noexcept {
  Authority parsed;
  string_view rest;
  if (!text.empty() && text.front() == '[') {
    if (!parse_bracketed(text, parsed, rest)) return false;
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    parsed.host = text.substr(0, colon);
    rest = text.substr(colon);
    if (!is_name(parsed.host)) return false;
  }
  if (!rest.empty() && (rest.front() != ':' || !parse_port(rest.substr(1), parsed.port))) return false;
  out = parsed;
  return true;
}

// RFC 3986 section 3.2.2; percent-encoding is not checked.
bool is_reg_name(string_view text) {
  return !text.empty() && text.size() <= kHostBytesMax && base::all_are(text, base::kUserinfo);
}

}  // namespace

bool parse_authority(string_view text, Authority& out) noexcept {
  return parse_authority_of(
      text, [](string_view host) { return is_host(host); }, out);
}

bool parse_host_field(string_view text, Authority& out) noexcept {
  return parse_authority_of(text, is_reg_name, out);
}

Parsed parse_request(string_view bytes, std::size_t seen, RequestHead& head,
                     const HeadLimits& limits) noexcept {
  return parse(bytes, seen, false, head, limits);
}

Parsed parse_response(string_view bytes, std::size_t seen, bool without_body, ResponseHead& head,
                      const HeadLimits& limits) noexcept {
  return parse(bytes, seen, without_body, head, limits);
}

}  // namespace http
