// Properties that must hold for every input, and the report of a violation. Shared by the fuzz targets.
#pragma once
#include <sanitizer/asan_interface.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../../src/base/reason.hpp"
#include "../../src/http/head.hpp"
#include "../../src/http/rewrite.hpp"
#include "escaped.hpp"
#include "reference.hpp"

namespace properties {

using std::string;
using std::string_view;

// Reports the violation and aborts, so that the fuzzer keeps the input.
[[noreturn]] inline void fail(const string& what) {
  (void)std::fprintf(stderr, "\nproperty violated: %s\n", what.c_str());
  std::abort();
}
inline void require(bool holds, const char* what) {
  if (!holds) fail(what);
}
inline void require_same(const string& got, const string& wanted, const char* what) {
  if (got != wanted)
    fail(string{what} + "\n  is:        " + escaped(got) + "\n  should be: " + escaped(wanted));
}

// The input in an allocation of exactly its size. Only the first bytes may be read: the sanitizer
// guards the rest.
class Revealed {
 public:
  explicit Revealed(string_view text) : size_(text.size()), bytes_(std::make_unique<char[]>(size_)) {
    if (size_ != 0) std::memcpy(bytes_.get(), text.data(), size_);
  }
  Revealed(const Revealed&) = delete;
  Revealed& operator=(const Revealed&) = delete;
  ~Revealed() { (void)show(size_); }

  string_view show(std::size_t length) {
    ASAN_POISON_MEMORY_REGION(bytes_.get(), size_);
    ASAN_UNPOISON_MEMORY_REGION(bytes_.get(), length);
    return {bytes_.get(), length};
  }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> bytes_;
};

// Where to cut an input of `size` bytes in two: everywhere if it is short, else at positions that depend on
// the input alone, so that a finding is reproducible.
inline std::vector<std::size_t> cuts(string_view text) {
  constexpr std::size_t kEverywhere = 128, kSome = 24;
  std::vector<std::size_t> out;
  if (text.size() <= kEverywhere) {
    for (std::size_t i = 0; i <= text.size(); ++i) out.push_back(i);
    return out;
  }
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  for (std::size_t i = 0; i < kSome; ++i) {
    hash = hash * 6364136223846793005U + 1442695040888963407U;
    out.push_back(static_cast<std::size_t>((hash >> 20) % (text.size() + 1)));
  }
  return out;
}

// ---- heads -----------------------------------------------------------------------------------------------

inline string describe(const http::Parsed& parsed) {
  switch (parsed.what) {
    case http::Parsed::What::complete: return "complete, " + std::to_string(parsed.length) + " bytes";
    case http::Parsed::What::partial: return "partial";
    case http::Parsed::What::bad: break;
  }
  return "bad, " + string{base::row(parsed.why).name};
}

inline string describe(const http::Fields& fields) {
  string out;
  for (const http::Field& field : fields.all()) out += string{field.name} + ": " + string{field.value} + "\n";
  return out;
}

inline string describe(const http::Body& body) {
  static const char* const kKinds[] = {"none", "length ", "chunked", "until_eof"};
  const bool sized = body.kind == http::Body::Kind::length;
  return kKinds[static_cast<int>(body.kind)] + (sized ? std::to_string(body.length) : "");
}

// All parts of a head as text: two heads are equal if their texts are.
inline string describe(const http::RequestHead& head) {
  return string{head.method} + " " + string{head.target} + " form " +
         std::to_string(static_cast<int>(head.form)) + (head.plain_http ? " http " : " ") +
         string{head.authority.host} + ":" + std::to_string(head.authority.port) +
         (head.authority.ipv6 ? " ipv6 " : " ") + string{head.path} + " 1." +
         std::to_string(static_cast<int>(head.version)) + (head.expects_continue ? " expects " : " ") +
         describe(head.body) + "\n" + describe(head.fields);
}
inline string describe(const http::ResponseHead& head) {
  return "1." + std::to_string(static_cast<int>(head.version)) + " " + std::to_string(head.status) + " " +
         string{head.phrase} + (head.has_date ? " date " : " ") + describe(head.body) + "\n" +
         describe(head.fields);
}

inline void require_same_verdict(const http::Parsed& got, const http::Parsed& whole, std::size_t given,
                                 std::size_t seen) {
  if (describe(got) == describe(whole)) return;
  fail("the verdict depends on how the head was cut\n  the whole input at once: " + describe(whole) +
       "\n  its first " + std::to_string(given) + " bytes, after " + std::to_string(seen) +
       " of them were seen: " + describe(got));
}

// Lengths at which a partial input is checked: every one, or in a long input those around line ends and
// limits.
inline std::vector<std::size_t> stops(string_view text) {
  constexpr std::size_t kEverywhere = 2048, kAround = 3;
  std::vector<bool> chosen(text.size() + 1, text.size() <= kEverywhere);
  const auto choose = [&](std::size_t place) {
    for (std::size_t i = place < kAround ? 0 : place - kAround; i <= place + kAround && i < chosen.size();
         ++i)
      chosen[i] = true;
  };
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i < 64 || text[i] == '\n' || text[i] == '\r') choose(i);
  for (const std::size_t limit : {http::kFirstLineBytesMax, http::kHeadBytesMax}) choose(limit);
  for (const std::size_t cut : cuts(text)) choose(cut);
  choose(text.size());
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < chosen.size(); ++i)
    if (chosen[i]) out.push_back(i);
  return out;
}

// Parses `text` whole, byte by byte and in two pieces; all must agree. `parse(bytes, seen, head)`.
template <class Head, class Parse>
http::Parsed parse_every_way(Revealed& input, string_view text, Parse parse, Head& head) {
  using What = http::Parsed::What;
  const http::Parsed whole = parse(input.show(text.size()), 0, head);
  require(whole.what != What::complete || whole.length <= text.size(),
          "a head is longer than what was given");
  const string described = whole.what == What::complete ? describe(head) : "";

  Head other;
  std::size_t before = 0, decided = 0;  // the longest prefix known to be partial, the shortest with a verdict
  for (const std::size_t given : stops(text)) {
    const http::Parsed parsed = parse(input.show(given), before, other);
    decided = given;
    if (parsed.what == What::partial && given < text.size()) {
      before = given;
      continue;
    }
    require_same_verdict(parsed, whole, given, before);
    if (parsed.what != What::complete) break;
    require(before < parsed.length && parsed.length <= given, "the last byte of a head does not complete it");
    require_same(describe(other), described, "the head depends on how it was cut");
    break;
  }
  for (const std::size_t cut : cuts(text)) {
    const http::Parsed early = parse(input.show(cut), 0, other);
    if (early.what != What::partial || cut >= decided) {
      if (cut <= before && before != 0) fail("a prefix is partial, a shorter one " + describe(early));
      require_same_verdict(early, whole, cut, 0);
      continue;
    }
    const http::Parsed late = parse(input.show(text.size()), cut, other);
    require_same_verdict(late, whole, text.size(), cut);
    if (late.what == What::complete)
      require_same(describe(other), described, "the head depends on how it was cut");
  }
  return parse(input.show(text.size()), 0, head);
}

inline string describe(const std::vector<reference::Field>& fields) {
  string out;
  for (const auto& [name, value] : fields) out += name + ": " + value + "\n";
  return out;
}

inline string describe(const reference::Body& body) {
  static const char* const kKinds[] = {"none", "length ", "chunked", "until_eof", "refused"};
  const bool sized = body.kind == reference::Body::Kind::length;
  return kKinds[static_cast<int>(body.kind)] + (sized ? std::to_string(body.length) : "");
}

inline bool is_about_grammar(base::Reason why) {
  using R = base::Reason;
  return why == R::tls_instead_of_http || why == R::bad_character || why == R::bad_line_end ||
         why == R::bad_request_line || why == R::bad_status_line || why == R::bad_version ||
         why == R::bad_header || why == R::folded_header;
}

// The first head in `text`, up to its empty line, according to the grammar.
inline std::optional<reference::Message> first_head(string_view text, bool is_response) {
  if (!is_response && text.substr(0, 2) == "\r\n") text.remove_prefix(2);
  const std::size_t end = text.find("\r\n\r\n");
  if (end == string_view::npos) return {};
  return reference::read_head(text.substr(0, end + 4), is_response);
}

// A head refused for its grammar must violate the grammar.
inline void require_deserved(const http::Parsed& parsed, string_view text, bool is_response) {
  if (parsed.what != http::Parsed::What::bad || !is_about_grammar(parsed.why)) return;
  const auto read = first_head(text, is_response);
  if (!read) return;
  const bool ours = read->method.size() > http::kMethodBytesMax || (is_response && read->status[0] == '0');
  if (!ours) fail("refused though it is to the letter of the grammar: " + describe(parsed));
}

// ---- written heads ---------------------------------------------------------------------------------------

inline const http::ProxyFields kHop{"a-name-for-via-of-64-bytes-the-longest-one-that-is-allowed-in-it",
                                    "Sun, 06 Nov 1994 08:49:37 GMT"};
inline const bool kLongestVia = (require(kHop.via.size() == 64, "Via is the longest that is allowed"), true);

inline bool is_hop_by_hop(const string& name) {
  static const char* const kNames[] = {
      "connection", "proxy-connection",    "keep-alive",         "te",      "transfer-encoding",
      "upgrade",    "proxy-authorization", "proxy-authenticate", "trailer", "proxy-authentication-info",
      "host",       "http2-settings"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](const char* hop) { return reference::lower(name) == hop; });
}

// Fields that the proxy promises, whatever Connection names.
inline bool is_promised(const string& name) {
  static const char* const kNames[] = {
      "via", "x-request-id", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](const char* one) { return reference::lower(name) == one; });
}

struct Forwarded {
  std::vector<reference::Field> fields;
  std::size_t options = 0;  // number of names in Connection
};

// RFC 9110 section 7.6.1; a Content-Length with one meaning stays, once, whatever Connection names.
inline Forwarded end_to_end(const reference::Message& message, bool keep_length) {
  std::vector<string> options;
  for (const string& value : message.values("Connection"))
    for (const string& option : reference::elements(value)) options.push_back(option);
  Forwarded out{{}, options.size()};
  const reference::Body body = reference::body_of(message, reference::Body::Kind::none);
  keep_length = keep_length && body.kind == reference::Body::Kind::length;
  for (const auto& [name, value] : message.fields) {
    const bool named = !is_promised(name) &&
                       std::find(options.begin(), options.end(), reference::lower(name)) != options.end();
    if (reference::lower(name) == "content-length") {
      if (std::exchange(keep_length, false)) out.fields.emplace_back(name, std::to_string(body.length));
    } else if (!is_hop_by_hop(name) && !named) {
      out.fields.emplace_back(name, value);
    }
  }
  return out;
}

// By the percent-encoding of bytes above 0x7f.
inline std::size_t growth_of_path(const http::RequestHead& head) {
  return 2 * static_cast<std::size_t>(std::count_if(head.path.begin(), head.path.end(), [](char c) {
           return static_cast<unsigned char>(c) >= 0x80;
         }));
}
inline std::size_t growth_of_path(const http::ResponseHead&) { return 0; }

// Writes into a buffer of exactly the promised size, and into smaller ones. "" if Connection names too
// many.
template <class Head, class Write>
string write_every_way(const Head& head, Write write, std::size_t head_length, std::size_t options) {
  constexpr std::size_t kOptionsMax = 32;
  const std::size_t enough = head_length + http::kRewriteGrowthMax + growth_of_path(head);
  const auto room = std::make_unique<char[]>(enough);
  const std::size_t length = write(head, kHop, {room.get(), enough});
  if (length == 0) {
    require(options > kOptionsMax, "a rewritten head grew by more than kRewriteGrowthMax");
    return "";
  }
  require(options <= kOptionsMax, "a Connection that names too many fields was not refused");
  require(length <= enough, "more was written than there is room");
  const string written{room.get(), length};
  for (const std::size_t less : {std::size_t{0}, length / 2, length - 1}) {
    const auto tight = std::make_unique<char[]>(less);
    require(write(head, kHop, {tight.get(), less}) == 0, "a head was written where it does not fit");
  }
  const auto exact = std::make_unique<char[]>(length);
  require(write(head, kHop, {exact.get(), length}) == length, "a head was not written where it just fits");
  return written;
}

// Parses `written` strictly.
inline reference::Message read_back(const string& written, bool is_response) {
  for (std::size_t i = 0; i < written.size(); ++i) {
    const bool bare_cr = written[i] == '\r' && (i + 1 == written.size() || written[i + 1] != '\n');
    const bool bare_lf = written[i] == '\n' && (i == 0 || written[i - 1] != '\r');
    if (bare_cr || bare_lf || written[i] == '\0')
      fail("a bare CR, a bare LF or a NUL was written: " + escaped(written));
  }
  const auto read = reference::read_head(written, is_response);
  if (!read) fail("what was written is not to the letter of the grammar: " + escaped(written));
  return *read;
}

inline string via_value(const string& received_version) {
  return (received_version == "HTTP/1.0" ? "1.0 " : "1.1 ") + string{kHop.via};
}

}  // namespace properties
