// Differential test: heads and chunked bodies, valid ones and systematic mutations of them, through our
// parser and through http_parser (the one of Node.js before llhttp). A disagreement must belong to one of the
// classes below, which say why. A disagreement without a class is a failure.
//
// Debian's http_parser is built without HTTP_PARSER_STRICT, which causes many of the classes.
#include <http_parser.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../../src/base/reason.hpp"
#include "../../src/http/framing.hpp"
#include "../../src/http/head.hpp"
#include "escaped.hpp"
#include "reference.hpp"

namespace {

using base::Reason;
using properties::escaped;
using std::string;
using std::string_view;

// ---- the result of a parser ------------------------------------------------------------------------------

enum class Kind { request, response, chunks, server_chunks };
enum class What { complete, partial, bad };

// All that is compared, in one form for both.
struct Reading {
  What what = What::partial;
  Reason why = Reason::none;  // ours, if bad
  string error;               // theirs, if bad
  std::size_t length = 0;     // if complete
  string first;               // method and target; status and phrase; or the payload
  string address;             // of an http URI
  string fields;
  string body;
};

bool same(const Reading& a, const Reading& b) {
  return a.length == b.length && a.first == b.first && a.address == b.address && a.fields == b.fields &&
         a.body == b.body;
}

string describe(const Reading& reading) {
  if (reading.what == What::partial) return "partial";
  if (reading.what == What::bad)
    return "bad, " + (reading.error.empty() ? string{base::row(reading.why).name} : reading.error);
  return "complete, " + std::to_string(reading.length) + " bytes: " +
         escaped(reading.first + " | " + reading.address + " | " + reading.fields + "| " + reading.body);
}

string body_text(const http::Body& body) {
  switch (body.kind) {
    case http::Body::Kind::none: return "none";
    case http::Body::Kind::chunked: return "chunked";
    case http::Body::Kind::until_eof: return "until eof";
    case http::Body::Kind::length: break;
  }
  return std::to_string(body.length);
}

void take_up(const http::Parsed& parsed, const http::Fields& fields, const http::Body& body, Reading& out) {
  out.why = parsed.why;
  if (parsed.what == http::Parsed::What::bad) out.what = What::bad;
  if (parsed.what != http::Parsed::What::complete) return;
  out.what = What::complete;
  out.length = parsed.length;
  for (const http::Field& field : fields.all())
    out.fields += string{field.name} + ": " + string{field.value} + "\n";
  out.body = body_text(body);
}

Reading ours_of_chunks(string_view text, http::Sender sender) {
  string bytes{text};
  http::Framing framing{{http::Body::Kind::chunked, 0}, sender};
  const auto taken = framing.take(std::as_writable_bytes(std::span{bytes}));
  Reading out;
  if (taken.bad) out.what = What::bad;
  if (taken.bad) out.why = Reason::bad_chunk;
  if (!framing.complete()) return out;
  out.what = What::complete;
  out.length = taken.consumed;
  out.first = bytes.substr(0, taken.payload);
  return out;
}

Reading ours(Kind kind, string_view text) {
  if (kind == Kind::chunks) return ours_of_chunks(text, http::Sender::client);
  if (kind == Kind::server_chunks) return ours_of_chunks(text, http::Sender::server);
  Reading out;
  if (kind == Kind::response) {
    http::ResponseHead head;
    take_up(http::parse_response(text, 0, false, head), head.fields, head.body, out);
    if (out.what == What::complete) out.first = std::to_string(head.status) + " " + string{head.phrase};
    return out;
  }
  http::RequestHead head;
  take_up(http::parse_request(text, 0, head), head.fields, head.body, out);
  if (out.what != What::complete) return out;
  out.first = string{head.method} + " " + string{head.target};
  if (head.plain_http)
    out.address =
        string{head.authority.host} + " " + std::to_string(head.authority.port) + " " + string{head.path};
  return out;
}

// Collects the callbacks of http_parser.
struct Theirs {
  Reading out;
  string name, value;
  string text;  // URL, phrase or payload
  bool in_value = false, head_done = false, body_done = false;

  static Theirs& of(http_parser* parser) { return *static_cast<Theirs*>(parser->data); }
  void end_field() {
    if (in_value) out.fields += name + ": " + reference::strip(value) + "\n";
    name.clear();
    value.clear();
    in_value = false;
  }
};

int add_text(http_parser* parser, const char* at, std::size_t size) {
  Theirs::of(parser).text.append(at, size);
  return 0;
}
int add_name(http_parser* parser, const char* at, std::size_t size) {
  Theirs& theirs = Theirs::of(parser);
  if (theirs.in_value) theirs.end_field();
  theirs.name.append(at, size);
  return 0;
}
int add_value(http_parser* parser, const char* at, std::size_t size) {
  Theirs& theirs = Theirs::of(parser);
  theirs.in_value = true;
  theirs.value.append(at, size);
  return 0;
}
int end_head(http_parser* parser) {
  Theirs& theirs = Theirs::of(parser);
  theirs.end_field();
  theirs.head_done = true;
  const bool is_response = parser->type == HTTP_RESPONSE;
  const bool never = is_response && (parser->status_code / 100 == 1 || parser->status_code == 204 ||
                                     parser->status_code == 304);
  if (never)
    theirs.out.body = "none";
  else if ((parser->flags & F_CHUNKED) != 0)
    theirs.out.body = "chunked";
  else if (parser->content_length != UINT64_MAX)
    theirs.out.body = std::to_string(parser->content_length);
  else
    theirs.out.body = is_response ? "until eof" : "none";
  return 0;
}
int end_message(http_parser* parser) {
  Theirs::of(parser).body_done = true;
  return 0;
}

// The parts of an http URI, with the same defaults as ours.
string address_of(const string& target) {
  http_parser_url url;
  http_parser_url_init(&url);
  if (http_parser_parse_url(target.data(), target.size(), 0, &url) != 0) return "refused";
  const auto part = [&](http_parser_url_fields field) {
    if ((url.field_set & (1U << field)) == 0) return string{};
    return target.substr(url.field_data[field].off, url.field_data[field].len);
  };
  if (reference::lower(part(UF_SCHEMA)) != "http") return "";
  const string port = (url.field_set & (1U << UF_PORT)) != 0 ? std::to_string(url.port) : "80";
  const bool has_query = (url.field_set & (1U << UF_QUERY)) != 0;
  return part(UF_HOST) + " " + port + " " + part(UF_PATH) + (has_query ? "?" + part(UF_QUERY) : "");
}

bool is_chunks(Kind kind) { return kind == Kind::chunks || kind == Kind::server_chunks; }

constexpr string_view kChunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

Reading theirs(Kind kind, string_view text) {
  http_parser parser;
  http_parser_init(&parser, kind == Kind::request ? HTTP_REQUEST : HTTP_RESPONSE);
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_header_field = add_name;
  settings.on_header_value = add_value;
  settings.on_headers_complete = end_head;
  settings.on_message_complete = end_message;
  Theirs state;
  parser.data = &state;
  if (is_chunks(kind)) {
    (void)http_parser_execute(&parser, &settings, kChunkedHead.data(), kChunkedHead.size());
    settings.on_body = add_text;
    settings.on_header_field = nullptr;
    settings.on_header_value = nullptr;
    state.out = {};
  } else {
    settings.on_url = add_text;
    settings.on_status = add_text;
  }
  // Byte by byte, to find the end of the head.
  for (std::size_t i = 0; i < text.size(); ++i) {
    (void)http_parser_execute(&parser, &settings, text.data() + i, 1);
    if (HTTP_PARSER_ERRNO(&parser) != HPE_OK) {
      state.out.what = What::bad;
      state.out.error = http_errno_name(HTTP_PARSER_ERRNO(&parser));
      return state.out;
    }
    if (is_chunks(kind) ? !state.body_done : !state.head_done) continue;
    state.out.what = What::complete;
    state.out.length = i + 1;
    break;
  }
  if (state.out.what != What::complete) return state.out;
  if (kind == Kind::response)
    state.out.first = std::to_string(parser.status_code) + " " + state.text;
  else if (is_chunks(kind))
    state.out.first = state.text;
  else
    state.out.first = string{http_method_str(static_cast<http_method>(parser.method))} + " " +
                      state.text;  // NOLINT: C's enum
  if (kind == Kind::request && parser.method != HTTP_CONNECT && state.text[0] != '/' && state.text != "*")
    state.out.address = address_of(state.text);
  return state.out;
}

// ---- the classes -----------------------------------------------------------------------------------------

struct Disagreement {
  Kind kind;
  string_view text;  // as much of it as the accepting parser consumed
  Reading ours, theirs;

  [[nodiscard]] bool we_accept() const {
    return ours.what == What::complete && theirs.what != What::complete;
  }
  [[nodiscard]] bool they_accept() const {
    return ours.what != What::complete && theirs.what == What::complete;
  }
  [[nodiscard]] bool refused_for(Reason why) const { return they_accept() && ours.why == why; }
  [[nodiscard]] bool readable_response() const {
    return (kind == Kind::response || kind == Kind::server_chunks) && ours.what == What::complete;
  }
  [[nodiscard]] bool both() const { return ours.what == What::complete && theirs.what == What::complete; }

  // The first line, without an empty one before it.
  [[nodiscard]] string first_line() const {
    string_view rest = text;
    while (!rest.empty() && (rest[0] == '\r' || rest[0] == '\n')) rest.remove_prefix(1);
    return string{rest.substr(0, rest.find_first_of("\r\n"))};
  }
  // The text between the first and the last blank.
  [[nodiscard]] string target() const {
    const string line = first_line();
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    return first == last ? "" : line.substr(first + 1, last - first - 1);
  }
  [[nodiscard]] std::vector<reference::Field> fields() const {
    std::vector<reference::Field> out;
    string_view rest = text;
    for (std::size_t end = 0; (end = rest.find('\n')) != string_view::npos; rest.remove_prefix(end + 1)) {
      const string_view line = rest.substr(0, end);
      const std::size_t colon = line.find(':');
      if (colon == string_view::npos) continue;
      string value{line.substr(colon + 1)};
      if (!value.empty() && value.back() == '\r') value.pop_back();
      // Blanks before the colon are removed from a response.
      const string name{line.substr(0, colon)};
      out.emplace_back(kind == Kind::response ? reference::strip(name) : name, value);
    }
    return out;
  }
  [[nodiscard]] std::vector<string> values(string_view name) const {
    std::vector<string> out;
    for (const auto& [key, value] : fields())
      if (reference::lower(key) == name) out.push_back(reference::strip(value));
    return out;
  }
  // True if `test` holds for a line that is neither the first nor empty.
  template <class Test>
  [[nodiscard]] bool has_line(Test test) const {
    string_view rest = text.substr(std::min(text.find('\n'), text.size() - 1) + 1);
    for (std::size_t end = 0; (end = rest.find('\n')) != string_view::npos; rest.remove_prefix(end + 1)) {
      const string_view line = rest.substr(0, end == 0 ? 0 : end - (rest[end - 1] == '\r' ? 1 : 0));
      if (!line.empty() && test(line)) return true;
    }
    return false;
  }
};

bool has_bare_line_end(string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return true;
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return true;
  }
  return false;
}
bool has_control(string_view text) {
  return !reference::all(text, [](char c) { return reference::is_text(c) || c == '\r' || c == '\n'; });
}
bool is_http(const string& target) { return reference::lower(target.substr(0, 7)) == "http://"; }
bool is_no_host(const string& value) { return !reference::read_authority(value); }

// RFC 9112 section 3.2: the forms that http_parser accepts.
bool is_target(const string& method, const string& target) {
  if (!reference::all(target, reference::is_visible)) return false;
  if (method == "CONNECT")
    return target.rfind(':') != string::npos && target.back() != ':' &&
           reference::read_authority(target).has_value();
  if (target == "*" || (!target.empty() && target[0] == '/')) return true;
  if (is_http(target)) return reference::read_http_uri(string_view{target}.substr(7)).has_value();
  const string scheme = target.substr(0, target.find("://"));
  return scheme != target && !scheme.empty() && reference::is_letter(scheme[0]);
}

bool ends_with_tab(const Disagreement& d, string_view name) {
  for (const auto& [key, value] : d.fields())
    if (reference::lower(key) == name && !value.empty() && value.back() == '\t') return true;
  return false;
}

// RFC 3986 section 3.2.1.
bool is_userinfo_text(string_view text) {
  return reference::all(text, [](char c) {
    return reference::is_letter(c) || reference::is_digit(c) ||
           (c != '\0' && string_view{"-._~%!$&'()*+,;=:"}.find(c) != string_view::npos);
  });
}
string authority_of(const string& target) {
  const string rest = target.substr(7);
  return rest.substr(0, rest.find_first_of("/?#"));
}
bool is_userinfo_good(const string& target) {
  const string authority = authority_of(target);
  const std::size_t at = authority.find('@');
  return at == string::npos || is_userinfo_text(string_view{authority}.substr(0, at));
}

// True if a line is a chunk size followed by these blanks and this character.
template <class Test>
bool has_size_line(string_view text, Test test) {
  for (std::size_t end = 0; (end = text.find('\n')) != string_view::npos; text.remove_prefix(end + 1)) {
    const string_view line = text.substr(0, end);
    std::size_t digits = 0;
    while (digits < line.size() && reference::is_hex(line[digits])) ++digits;
    const string_view rest = line.substr(digits);
    const std::size_t blanks = std::min(rest.find_first_not_of(" \t"), rest.size());
    if (digits != 0 && blanks < rest.size() && test(rest.substr(0, blanks), rest[blanks])) return true;
  }
  return false;
}

enum class Stricter { we, they, neither };

struct Class {
  const char* title;
  Stricter stricter;
  const char* because;
  bool (*holds)(const Disagreement&);
};

using D = Disagreement;
// The first class that matches counts.
const Class kClasses[] = {
    // Both accept, and interpret the same bytes differently.
    {"HTAB after \"chunked\"", Stricter::they,
     "RFC 9110 5.6.3: OWS may be HTAB; they see another coding then",
     [](const D& d) {
       return d.ours.what == What::complete && d.ours.body == "chunked" &&
              ends_with_tab(d, "transfer-encoding") &&
              (d.theirs.body == "until eof" || d.theirs.error == "HPE_INVALID_TRANSFER_ENCODING");
     }},
    {"empty query", Stricter::neither,
     "RFC 3986 6.2.3: \"/\" and \"/?\" may differ, so it stays; they drop it",
     [](const D& d) { return d.both() && d.ours.address == d.theirs.address + "?"; }},
    {"empty port", Stricter::they, "RFC 3986 3.2.3: the default port; it is left out of Host",
     [](const D& d) {
       return d.both() && d.theirs.address == "refused" && authority_of(d.target()).back() == ':' &&
              is_userinfo_good(d.target());
     }},

    // Faults of servers with one reading, and of clients that are mended.
    {"the same length several times in a response", Stricter::they, "RFC 9110 8.6: one is written",
     [](const D& d) {
       const auto lengths = d.values("content-length");
       return d.readable_response() && !lengths.empty() &&
              (lengths.size() > 1 || lengths[0].find(',') != string::npos);
     }},
    {"lengths in a response without a body", Stricter::they, "RFC 9112 6.3, rule 1: they do not count",
     [](const D& d) { return d.readable_response() && d.ours.body == "none"; }},
    {"blank before a colon in a response", Stricter::they, "RFC 9112 5.1: a proxy must remove it",
     [](const D& d) {
       return d.readable_response() && d.has_line([](string_view line) {
         const string_view name = line.substr(0, line.find(':'));
         return !name.empty() && (name.back() == ' ' || name.back() == '\t');
       });
     }},
    {"ICY", Stricter::they, "a radio stream's HTTP/1.0",
     [](const D& d) { return d.readable_response() && d.first_line().starts_with("ICY "); }},
    {"control character or bare LF in a response", Stricter::they, "RFC 9110 5.5, RFC 9112 2.2",
     [](const D& d) { return d.readable_response() && (has_control(d.text) || has_bare_line_end(d.text)); }},
    {"blanks after a server's chunk size", Stricter::they, "old servers pad the size",
     [](const D& d) {
       return d.kind == Kind::server_chunks && d.we_accept() &&
              has_size_line(d.text, [](string_view blanks, char) { return !blanks.empty(); });
     }},
    {"LF after a server's chunk, whose data ends in CR", Stricter::they, "RFC 9112 2.2: as after other data",
     [](const D& d) {
       return d.kind == Kind::server_chunks && d.we_accept() && d.ours.first.find('\r') != string::npos;
     }},
    {"identity before chunked, or alone, in a response", Stricter::they, "RFC 2616 3.6: no encoding",
     [](const D& d) {
       const auto codings = d.values("transfer-encoding");
       return d.readable_response() && !codings.empty() && codings[0].find("dentity") != string::npos;
     }},
    {"empty elements around \"chunked\"", Stricter::they, "RFC 9110 5.6.1.2: they are ignored",
     [](const D& d) {
       const auto codings = d.values("transfer-encoding");
       return d.ours.what == What::complete && d.ours.body == "chunked" &&
              (codings.size() > 1 || codings[0].find(',') != string::npos);
     }},
    {"byte above 0x7f in a target", Stricter::they, "it is percent-encoded when it is written",
     [](const D& d) {
       const string target = d.target();
       return d.kind == Kind::request && d.ours.what == What::complete &&
              !reference::all(target, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
     }},
    {"ws://", Stricter::neither, "RFC 6455 3: http:// with Upgrade",
     [](const D& d) { return d.both() && reference::lower(d.target()).starts_with("ws://"); }},

    // They accept, we refuse.
    {"bare CR or LF", Stricter::we, "RFC 9112 2.2: a bare CR is invalid; a bare LF may be taken, we do not",
     [](const D& d) { return d.refused_for(Reason::bad_line_end) && has_bare_line_end(d.text); }},
    {"NUL or another control character", Stricter::we, "RFC 9110 5.5, RFC 9112 3 and 4: not in the grammar",
     [](const D& d) {
       return (d.refused_for(Reason::bad_character) || d.refused_for(Reason::tls_instead_of_http)) &&
              has_control(d.text);
     }},
    {"blank in or after a field name, or no name", Stricter::we,
     "RFC 9112 5.1: no blank before the colon: 400",
     [](const D& d) {
       return d.refused_for(Reason::bad_header) && d.has_line([](string_view line) {
         const string_view name = line.substr(0, line.find(':'));
         return name.empty() || !reference::all(name, reference::is_tchar);
       });
     }},
    {"folded field", Stricter::we, "RFC 9112 5.2: a server must refuse or replace it",
     [](const D& d) {
       return d.refused_for(Reason::folded_header) &&
              d.has_line([](string_view line) { return line[0] == ' ' || line[0] == '\t'; });
     }},
    {"no Host in HTTP/1.1", Stricter::we, "RFC 9112 3.2: 400",
     [](const D& d) { return d.refused_for(Reason::bad_host) && d.values("host").empty(); }},
    {"two Hosts", Stricter::we, "RFC 9112 3.2: 400",
     [](const D& d) { return d.refused_for(Reason::bad_host) && d.values("host").size() > 1; }},
    {"Host is not host[:port]", Stricter::we, "RFC 9112 3.2: an invalid value: 400",
     [](const D& d) { return d.refused_for(Reason::bad_host) && is_no_host(d.values("host")[0]); }},
    {"not two blanks in the request line", Stricter::we,
     "RFC 9112 3: single SP; without a version it is HTTP/0.9",
     [](const D& d) {
       const string line = d.first_line();
       return d.refused_for(Reason::bad_request_line) && std::count(line.begin(), line.end(), ' ') != 2;
     }},
    {"version is not HTTP/DIGIT.DIGIT", Stricter::we, "RFC 9112 2.3",
     [](const D& d) {
       const string line = d.first_line();
       const std::size_t at = d.kind == Kind::request ? line.rfind(' ') + 1 : 0;
       return (d.refused_for(Reason::bad_version) || d.refused_for(Reason::bad_status_line)) &&
              !reference::is_version(line.substr(at, d.kind == Kind::request ? string::npos : 8));
     }},
    {"major version other than 1", Stricter::we, "RFC 9110 15.6.6: not our version",
     [](const D& d) {
       return d.refused_for(Reason::version_unsupported) && d.first_line().find("HTTP/1") == string::npos;
     }},
    {"target in none of the four forms", Stricter::we, "RFC 9112 3.2, RFC 3986 3.2, RFC 9110 4.2.1",
     [](const D& d) {
       const string line = d.first_line();
       return d.refused_for(Reason::bad_target) && !is_target(line.substr(0, line.find(' ')), d.target());
     }},
    {"target longer than 8192 bytes with its line", Stricter::we, "RFC 9112 3: 414",
     [](const D& d) { return d.refused_for(Reason::target_too_long) && d.first_line().size() > 8192; }},
    {"head longer than 15 KiB", Stricter::we, "RFC 9110 5.4, RFC 6585 5: 431",
     [](const D& d) {
       return d.they_accept() && d.ours.why == Reason::head_too_large && d.text.size() > 15360;
     }},
    {"more than 100 fields", Stricter::we, "RFC 9110 5.4, RFC 6585 5: 431",
     [](const D& d) {
       return d.refused_for(Reason::too_many_headers) && std::count(d.text.begin(), d.text.end(), '\n') > 102;
     }},
    {"status line not VERSION SP 3DIGIT [SP phrase]", Stricter::we, "RFC 9112 4, RFC 9110 15",
     [](const D& d) {
       reference::Message message;
       return d.kind == Kind::response && d.refused_for(Reason::bad_status_line) &&
              (!reference::read_status_line(d.first_line(), message) || message.status[0] == '0');
     }},
    {"more than one empty line before a request", Stricter::we, "RFC 9112 2.2: at least one, we skip one",
     [](const D& d) {
       return d.kind == Kind::request && d.refused_for(Reason::bad_request_line) &&
              d.text.substr(0, 4) == "\r\n\r\n";
     }},
    {"Transfer-Encoding in HTTP/1.0", Stricter::we, "RFC 9112 6.1: the framing is faulty",
     [](const D& d) {
       return d.refused_for(Reason::bad_transfer_encoding) && !d.values("transfer-encoding").empty() &&
              d.first_line().find("HTTP/1.0") != string::npos;
     }},
    {"two Transfer-Encodings", Stricter::we,
     "RFC 9112 6.1: allowed as a list; legitimate clients do not send it",
     [](const D& d) {
       return (d.refused_for(Reason::bad_transfer_encoding) ||
               d.refused_for(Reason::transfer_encoding_unsupported)) &&
              d.values("transfer-encoding").size() > 1;
     }},
    {"coding that is not \"chunked\" alone", Stricter::we, "RFC 9112 6.1: 501, and 6.3: 400 or until the end",
     [](const D& d) {
       const auto codings = d.values("transfer-encoding");
       return (d.refused_for(Reason::bad_transfer_encoding) ||
               d.refused_for(Reason::transfer_encoding_unsupported)) &&
              codings.size() == 1 && reference::lower(codings[0]) != "chunked";
     }},
    {"chunks: line end, trailer or extension not in the grammar", Stricter::we, "RFC 9112 7.1",
     [](const D& d) {
       return d.refused_for(Reason::bad_chunk) &&
              (has_bare_line_end(d.text) || has_control(d.text) || d.text.find("\r\n") == string_view::npos);
     }},
    {"chunks: blank after the size, without extension", Stricter::we, "RFC 9112 7.1: no blank there",
     [](const D& d) {
       return d.refused_for(Reason::bad_chunk) && has_size_line(d.text, [](string_view blanks, char next) {
                return !blanks.empty() && next != ';';
              });
     }},
    {"chunks: limits", Stricter::we, "RFC 9112 7.1: sizes and extensions are to be limited",
     [](const D& d) { return d.refused_for(Reason::bad_chunk) && d.text.size() > 1024; }},
    {"chunks: trailer line that is not a field", Stricter::we, "RFC 9112 7.1.2 and 5",
     [](const D& d) {
       return d.refused_for(Reason::bad_chunk) && d.has_line([](string_view line) {
         const string_view name = line.substr(0, line.find(':'));
         return name == line || name.empty() || !reference::all(name, reference::is_tchar);
       });
     }},

    // We accept, they refuse: each must be harmless.
    {"method they do not know", Stricter::they, "RFC 9110 9.1: methods are open; the origin decides",
     [](const D& d) {
       const string line = d.first_line();
       return d.we_accept() && d.theirs.error == "HPE_INVALID_METHOD" &&
              reference::all(line.substr(0, line.find(' ')), reference::is_tchar);
     }},
    {"HTAB after Content-Length", Stricter::they, "RFC 9110 5.6.3: OWS may be HTAB",
     [](const D& d) {
       return d.we_accept() && d.theirs.error == "HPE_INVALID_CONTENT_LENGTH" &&
              ends_with_tab(d, "content-length");
     }},
    {"field whose name begins with Transfer-Encoding", Stricter::they,
     "RFC 9110 5.1: another name is another field; they note the name too early",
     [](const D& d) {
       bool longer = false;
       for (const auto& [name, value] : d.fields())
         longer |= name.size() > 17 && reference::lower(name).substr(0, 17) == "transfer-encoding";
       return d.we_accept() && longer && d.values("transfer-encoding").empty();
     }},
    {"scheme with digits, \"+\", \"-\" or \".\"", Stricter::they, "RFC 3986 3.1; answered with 501",
     [](const D& d) {
       return d.we_accept() && d.theirs.error == "HPE_INVALID_URL" && !is_http(d.target()) &&
              d.target().find("://") != string::npos;
     }},
    {"fragment after an authority", Stricter::they, "RFC 3986 3: path-abempty may be empty; it is left out",
     [](const D& d) {
       const string target = d.target();
       return d.we_accept() && d.theirs.error == "HPE_INVALID_URL" && is_http(target) &&
              target.find('#') != string::npos &&
              target.substr(0, target.find('#')).find_first_of("/?", 7) == string::npos;
     }},
    {"Content-Length within a few of 2^64", Stricter::they,
     "RFC 9110 8.6: any number; theirs is for their arithmetic",
     [](const D& d) {
       const auto lengths = d.values("content-length");
       return d.we_accept() && d.theirs.error == "HPE_INVALID_CONTENT_LENGTH" && lengths.size() == 1 &&
              reference::number(lengths[0]).value_or(0) >= 18446744073709551600U;
     }},
    {"chunks: HTAB before an extension", Stricter::they, "RFC 9112 7.1.1: BWS may be HTAB",
     [](const D& d) {
       return d.we_accept() && is_chunks(d.kind) && d.theirs.error == "HPE_INVALID_CHUNK_SIZE" &&
              has_size_line(d.text, [](string_view blanks, char next) {
                return next == ';' && blanks.find('\t') != string_view::npos;
              });
     }},
};

// ---- the inputs ------------------------------------------------------------------------------------------

class Run {
 public:
  void try_one(Kind kind, string_view text) {
    Disagreement found{kind, text, ours(kind, text), theirs(kind, text)};
    ++tried_;
    const bool neither = found.ours.what != What::complete && found.theirs.what != What::complete;
    if (neither || (found.both() && same(found.ours, found.theirs))) {
      ++passed_;
      return;
    }
    found.text = text.substr(0, std::max(found.ours.length, found.theirs.length));
    for (std::size_t i = 0; i < std::size(kClasses); ++i) {
      if (!kClasses[i].holds(found)) continue;
      if (counts_[i]++ == 0) samples_[i] = string{found.text};
      ++passed_;
      return;
    }
    ++failed_;
    if (failed_ <= 40)
      std::printf("unexplained: %s\n  ours:   %s\n  theirs: %s\n", escaped(text).c_str(),
                  describe(found.ours).c_str(), describe(found.theirs).c_str());
  }

  int tell() const {
    std::size_t explained = 0;
    std::printf("%7s  %-9s  %-60s  %s\n", "inputs", "stricter", "class", "because");
    for (const Stricter side : {Stricter::they, Stricter::neither, Stricter::we})
      for (std::size_t i = 0; i < std::size(kClasses); ++i) {
        if (kClasses[i].stricter != side) continue;
        static const char* const kSides[] = {"we", "they", "neither"};
        std::printf("%7zu  %-9s  %-60s  %s\n", counts_[i], kSides[static_cast<int>(side)], kClasses[i].title,
                    kClasses[i].because);
        explained += counts_[i];
        if (side == Stricter::they && counts_[i] != 0)
          std::printf("%20s such as: %s\n", "", escaped(samples_[i]).substr(0, 100).c_str());
      }
    std::printf("%zu inputs: %zu alike, %zu explained, %zu unexplained\n", tried_, passed_ - explained,
                explained, failed_);
    std::printf("%zu passed, %zu failed\n", passed_, failed_);
    return failed_ == 0 && passed_ != 0 ? 0 : 1;
  }

 private:
  std::array<std::size_t, std::size(kClasses)> counts_{};
  std::array<string, std::size(kClasses)> samples_;
  std::size_t tried_ = 0, passed_ = 0, failed_ = 0;
};

const string_view kRequests[] = {
    "GET http://h.test:81/p?q#f HTTP/1.1\r\nHost: h.test\r\nX-Y: a b\r\n\r\n",
    "POST http://u:p@[::1]/ HTTP/1.1\r\nHost:h\r\nContent-Length: 5\r\n\r\nhello",
    "PUT /o HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST http://h HTTP/1.1\r\nhost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
    "\r\nOPTIONS * HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
};
const string_view kResponses[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Y: a b\r\n\r\nhello",
    "HTTP/1.0 404 Not Found\r\nDate: x\r\n\r\n",
    "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 304\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
};
const string_view kBodies[] = {
    "5\r\nhello\r\n0\r\n\r\n",
    "A;x=\"y\"\r\n0123456789\r\n00\r\nT: v\r\n\r\n",
    "1 ;x\r\na\r\n1\r\nb\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
};

// At each position of `text`: bytes inserted, changed, removed; lines doubled.
void mutate(Run& run, Kind kind, string_view text) {
  const string odd =
      string(1, '\0') + "\1\b\t\n\v\f\r\x1b\x1f \"#%(),/:;<=>?@[\\]{|}~\x7f\x80\xa0\xff*+-._a0Z9!'&$^`";
  const string_view pieces[] = {"\r\n",   "\r\n ",    "\r\n\t", "  ", "\n\n",
                                "\r\r\n", "\r\n\r\n", " :",     ": ", "0x"};
  run.try_one(kind, text);
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const string front{text.substr(0, i)}, back{text.substr(i)};
    for (const char c : odd) {
      run.try_one(kind, front + c + back);
      if (!back.empty()) run.try_one(kind, front + c + back.substr(1));
    }
    for (const string_view piece : pieces) run.try_one(kind, front + string{piece} + back);
    if (back.empty()) continue;
    run.try_one(kind, front + back.substr(1));
    run.try_one(kind, front + back[0] + back);
    if (i == 0 || text[i - 1] == '\n') {
      const string line = back.substr(0, back.find('\n') + 1);
      run.try_one(kind, front + line + back);
      run.try_one(kind, front + back.substr(line.size()));
    }
  }
}

void try_lengths_and_codings(Run& run) {
  const string lengths[] = {"",
                            " ",
                            "0",
                            "5",
                            "05",
                            "+5",
                            "-5",
                            "5 ",
                            "5\t",
                            "\t5",
                            "5,5",
                            "5, 5",
                            "5;",
                            "5 5",
                            "0x5",
                            "5.0",
                            "\"5\"",
                            "5e1",
                            "18446744073709551614",
                            "18446744073709551615",
                            "18446744073709551616",
                            "99999999999999999999",
                            "00000000000000000000000005"};
  const string codings[] = {"",
                            " ",
                            "chunked",
                            "Chunked",
                            "CHUNKED",
                            "chunked ",
                            "chunked\t",
                            "\tchunked",
                            "chunked,",
                            ",chunked",
                            "chunked,chunked",
                            "gzip",
                            "gzip, chunked",
                            "gzip,chunked",
                            "chunked, gzip",
                            "identity",
                            "identity, chunked",
                            "chunked;q=1",
                            "\"chunked\"",
                            "xchunked",
                            "chunkedx",
                            "chunked chunked",
                            "deflate"};
  std::vector<string> fields;
  for (const string& length : lengths) fields.push_back("Content-Length:" + length + "\r\n");
  for (const string& coding : codings) fields.push_back("Transfer-Encoding:" + coding + "\r\n");
  fields.emplace_back("");
  for (const string& one : fields)
    for (const string& other : fields)
      for (const string version : {"HTTP/1.0", "HTTP/1.1"}) {
        run.try_one(Kind::request, "POST http://h/ " + version + "\r\nHost: h\r\n" + one + other + "\r\n");
        for (const string status : {" 200 OK\r\n", " 204 No\r\n", " 304 Not\r\n"})
          run.try_one(Kind::response, version + status + one + other + "\r\n");
      }
}

void try_first_lines(Run& run) {
  const string rest = "\r\nHost: h\r\n\r\n";
  for (int i = 0; i <= 33; ++i) {
    const string method = http_method_str(static_cast<http_method>(i));
    run.try_one(Kind::request, method + " http://h/ HTTP/1.1" + rest);
    run.try_one(Kind::request, method + " h:80 HTTP/1.1" + rest);
    run.try_one(Kind::request, reference::lower(method) + " http://h/ HTTP/1.1" + rest);
  }
  for (char major = '0'; major <= '9'; ++major)
    for (char minor = '0'; minor <= '9'; ++minor) {
      const string version = string{"HTTP/"} + major + "." + minor;
      run.try_one(Kind::request, "GET http://h/ " + version + rest);
      run.try_one(Kind::response, version + " 200 OK" + rest);
    }
  for (const string version :
       {"HTTP/1", "HTTP/1.", "HTTP/1.10", "HTTP/01.1", "HTTP/11.1", "http/1.1", "HTTP/1,1", "ICY", "",
        "HTTPS/1.1", "ICE/1.0", "SOURCE/1.1", "HTTP/1.1 ", " HTTP/1.1"}) {
    run.try_one(Kind::request, "GET http://h/ " + version + rest);
    run.try_one(Kind::response, version + " 200 OK" + rest);
  }
  for (int status = 0; status < 1100; ++status) {
    std::array<char, 8> digits{};
    (void)std::snprintf(digits.data(), digits.size(), "%03d", status);
    run.try_one(Kind::response, string{"HTTP/1.1 "} + digits.data() + " OK" + rest);
    run.try_one(Kind::response, string{"HTTP/1.1 "} + digits.data() + rest);
  }
  const string targets[] = {"/",
                            "//",
                            "//h/",
                            "*",
                            "**",
                            "h",
                            "h:80",
                            "http:",
                            "http:/",
                            "http://",
                            "http:///",
                            "http://h",
                            "http://h/",
                            "http://h?",
                            "http://h#",
                            "http://h/?",
                            "http://h/#",
                            "http://h/?#",
                            "http://h/#?",
                            "http://h:",
                            "http://h:/",
                            "http://h:0/",
                            "http://h:00080/",
                            "http://h:65535/",
                            "http://h:65536/",
                            "http://h:-1/",
                            "http://h:8 0/",
                            "http://@h/",
                            "http://u@h/",
                            "http://u:p@h/",
                            "http://u@v@h/",
                            "http://u:p:q@h/",
                            "http://u\\@h/",
                            "http://u\"@h/",
                            "http://[::1]",
                            "http://[::1]:80/",
                            "http://[::1/",
                            "http://::1/",
                            "http://[]/",
                            "http://[::g]/",
                            "http://[v1.a]/",
                            "http://[fe80::1%25e]/",
                            "http://[::1]x/",
                            "http://127.0.0.1/",
                            "http://127.1/",
                            "http://0x7f.1/",
                            "http://1.2.3.4.5/",
                            "http://256.1.1.1/",
                            "http://h./",
                            "http://h../",
                            "http://.h/",
                            "http://h..i/",
                            "http://-h/",
                            "http://h_i/",
                            "http://h%41/",
                            "http://H.TEST/",
                            "http://h/a b",
                            "http://h/a%",
                            "http://h/%zz",
                            "http://h/../..",
                            "http://h/a\\b",
                            "http://h/|",
                            "http://h/\"<>^`{}",
                            "http://h\\i/",
                            "HTTP://h/",
                            "hTtP://h/",
                            "https://h/",
                            "ftp://h/",
                            "a+b://h/",
                            "1a://h/",
                            "://h/",
                            "mailto:a@b",
                            "javascript://x",
                            "http://h/http://i/",
                            "?q",
                            "#f",
                            "http//h",
                            "http://h/\xc3\xa9",
                            "http://\xc3\xa9/",
                            "http://h,i/",
                            "http://h;i/",
                            "http://(h)/",
                            "http://h!/",
                            "http://h/#a#b",
                            "http://h?a?b",
                            "http://h/?a/b?c#d/e"};
  for (const string& target : targets) {
    for (const string method : {"GET", "OPTIONS", "CONNECT"})
      run.try_one(Kind::request, method + " " + target + " HTTP/1.1" + rest);
    const string host = target.substr(0, 7) == "http://" ? target.substr(7) : target;
    run.try_one(Kind::request, "GET http://h/ HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  }
}

// Each byte in a name, a value, a target and a phrase.
void try_bytes(Run& run) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    for (const string& text : {string{"a"} + c + "b", string{c} + "b", string{"a"} + c, string{c}}) {
      run.try_one(Kind::request, text + " http://h/ HTTP/1.1\r\nHost: h\r\n\r\n");
      run.try_one(Kind::request, "GET http://" + text + "/ HTTP/1.1\r\nHost: h\r\n\r\n");
      run.try_one(Kind::request, "GET http://" + text + "@h/ HTTP/1.1\r\nHost: h\r\n\r\n");
      run.try_one(Kind::request, "GET http://h/" + text + " HTTP/1.1\r\nHost: h\r\n\r\n");
      run.try_one(Kind::request, "GET http://h/?" + text + " HTTP/1.1\r\nHost: h\r\n\r\n");
      run.try_one(Kind::request, "GET http://h/ HTTP/1.1\r\nHost: " + text + "\r\n\r\n");
      run.try_one(Kind::request, "GET http://h/ HTTP/1.1\r\nHost: h\r\n" + text + ": x\r\n\r\n");
      run.try_one(Kind::response, "HTTP/1.1 200 " + text + "\r\nX: y\r\n\r\n");
      run.try_one(Kind::response, "HTTP/1.1 200 OK\r\nX:" + text + "\r\n\r\n");
      for (const Kind kind : {Kind::chunks, Kind::server_chunks}) {
        run.try_one(kind, "1;" + text + "\r\na\r\n0\r\n\r\n");
        run.try_one(kind, text + "\r\na\r\n0\r\n\r\n");
        run.try_one(kind, "1\r\na\r\n0\r\n" + text + ": x\r\n\r\n");
      }
    }
  }
}

void try_limits(Run& run) {
  for (const std::size_t more : {0U, 1U, 2U, 3U}) {
    run.try_one(Kind::request, "GET /" + string(8192 - 15 + more, 'p') + " HTTP/1.0\r\n\r\n");
    run.try_one(Kind::response, "HTTP/1.0 200 " + string(8192 - 14 + more, 'p') + "\r\n\r\n");
    run.try_one(Kind::request, "GET / HTTP/1.0\r\nX: " + string(15360 - 24 + more, 'v') + "\r\n\r\n");
    run.try_one(Kind::chunks, "1;" + string(1022 + more, 'x') + "\r\na\r\n0\r\n\r\n");
    run.try_one(Kind::chunks, "0\r\nX:" + string(15357 + more, 'v') + "\r\n\r\n");
    string head = "HTTP/1.0 200 OK\r\n";
    for (std::size_t i = 0; i < 99 + more; ++i) head += "A: b\r\n";
    run.try_one(Kind::response, head + "\r\n");
  }
}

void try_corpus(Run& run, const std::filesystem::path& corpus) {
  const std::pair<const char*, Kind> folders[] = {{"request_head", Kind::request},
                                                  {"response_head", Kind::response},
                                                  {"chunks", Kind::chunks},
                                                  {"chunks", Kind::server_chunks}};
  for (const auto& [name, kind] : folders)
    for (const auto& entry : std::filesystem::directory_iterator{corpus / name}) {
      std::ifstream file{entry.path(), std::ios::binary};
      run.try_one(kind, string{std::istreambuf_iterator<char>{file}, {}});
    }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    (void)std::fprintf(stderr, "usage: differential CORPUS\n");
    return 2;
  }
  Run run;
  try_corpus(run, arguments[1]);
  for (const string_view text : kRequests) mutate(run, Kind::request, text);
  for (const string_view text : kResponses) mutate(run, Kind::response, text);
  for (const string_view text : kBodies) {
    mutate(run, Kind::chunks, text);
    mutate(run, Kind::server_chunks, text);
  }
  try_lengths_and_codings(run);
  try_first_lines(run);
  try_bytes(run);
  try_limits(run);
  return run.tell();
}
