// A second, simple and slow implementation of the RFCs' grammar that shares nothing with the program: the
// fuzz targets compare the program with it. Choices that the RFCs leave to the program are marked CHOICE.
#pragma once
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reference {

using std::string;
using std::string_view;

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
// RFC 9110 section 5.6.2
inline bool is_tchar(char c) {
  return is_digit(c) || is_letter(c) || (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}
// RFC 9110 section 5.5: field-vchar, SP, HTAB
inline bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}
inline bool is_visible(char c) { return c > 0x20 && c < 0x7f; }

template <class Test>
bool all(string_view text, Test test) {
  return std::all_of(text.begin(), text.end(), test);
}

inline string lower(string_view text) {
  string out{text};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

inline string strip(string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == string_view::npos) return "";
  return string{text.substr(first, text.find_last_not_of(" \t") - first + 1)};
}

// The elements of a comma-separated list, in lower case. An empty last one does not count.
inline std::vector<string> elements(string_view list) {
  std::vector<string> out;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    out.push_back(lower(strip(list.substr(0, comma))));
    list = comma == string_view::npos ? string_view{} : list.substr(comma + 1);
  }
  return out;
}

// ---- heads (RFC 9112 sections 2 to 5) --------------------------------------------------------------------

using Field = std::pair<string, string>;

struct Message {
  string method, target, version;  // a request's; `version` also a response's
  string status, phrase;           // a response's
  std::vector<Field> fields;
  [[nodiscard]] std::vector<string> values(string_view name) const {
    std::vector<string> out;
    for (const Field& field : fields)
      if (lower(field.first) == lower(name)) out.push_back(field.second);
    return out;
  }
};

inline bool is_version(string_view text) {
  return text.size() == 8 && text.substr(0, 5) == "HTTP/" && is_digit(text[5]) && text[6] == '.' &&
         is_digit(text[7]);
}

inline bool read_request_line(const string& line, Message& out) {
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == string::npos || first == last) return false;
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, last - first - 1);
  out.version = line.substr(last + 1);
  // CHOICE: bytes above 0x7f in the target are accepted, and percent-encoded when they are written.
  const auto is_good = [](char c) { return is_visible(c) || static_cast<unsigned char>(c) >= 0x80; };
  return !out.method.empty() && all(out.method, is_tchar) && !out.target.empty() &&
         all(out.target, is_good) && is_version(out.version);
}

// CHOICE: the blank before an empty phrase may be missing. CHOICE: ICY is HTTP/1.0.
inline bool read_status_line(string line, Message& out) {
  if (line.substr(0, 4) == "ICY ") line = "HTTP/1.0 " + line.substr(4);
  if (line.size() < 12 || line[8] != ' ') return false;
  out.version = line.substr(0, 8);
  out.status = line.substr(9, 3);
  if (!is_version(out.version) || !all(out.status, is_digit)) return false;
  if (line.size() == 12) return true;
  out.phrase = line.substr(13);
  return line[12] == ' ';
}

// A complete head with its empty line and nothing after it; nothing if it does not follow the grammar
// exactly. CHOICE: in a response, empty lines before it, LF as line end, control characters in a line, and
// blanks before a colon are accepted.
inline std::optional<Message> read_head(string_view text, bool is_response) {
  std::vector<string> lines;
  if (is_response)
    while (text.starts_with("\r\n") || text.starts_with("\n")) text.remove_prefix(text[0] == '\n' ? 1 : 2);
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    if (end == string_view::npos) return {};
    const std::size_t next = end + 1;
    if (end > 0 && text[end - 1] == '\r')
      --end;
    else if (!is_response)
      return {};
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(next);
    const auto is_good = [&](char c) { return is_text(c) || (is_response && c != '\0' && c != '\r'); };
    if (!all(lines.back(), is_good)) return {};
    if (lines.back().empty() && !text.empty()) return {};
  }
  if (lines.size() < 2 || !lines.back().empty()) return {};
  lines.pop_back();
  Message out;
  if (!(is_response ? read_status_line(lines[0], out) : read_request_line(lines[0], out))) return {};
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::size_t colon = lines[i].find(':');
    if (colon == string::npos || colon == 0) return {};
    string name = lines[i].substr(0, colon);
    if (is_response && !lines[i].empty() && lines[i][0] != ' ' && lines[i][0] != '\t') name = strip(name);
    if (name.empty() || !all(name, is_tchar)) return {};
    out.fields.emplace_back(name, strip(string_view{lines[i]}.substr(colon + 1)));
  }
  return out;
}

// Parses digits; nothing if they are invalid or do not fit in 64 bits.
inline std::optional<std::uint64_t> number(string_view digits) {
  if (digits.empty()) return {};
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return {};
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return {};
    value = value * 10 + digit;
  }
  return value;
}

// RFC 9112 section 6.3. CHOICE: one Content-Length at most, "chunked" alone, and never both; in a response,
// the same Content-Length any number of times, chunks in HTTP/1.0, and "identity" before "chunked" or alone.
struct Body {
  enum class Kind { none, length, chunked, until_eof, refused } kind;
  std::uint64_t length = 0;
};
inline Body body_of(const Message& message, Body::Kind otherwise) {
  const bool is_response = !message.status.empty();
  const auto lengths = message.values("Content-Length"), codings = message.values("Transfer-Encoding");
  if (!lengths.empty() && !codings.empty()) return {Body::Kind::refused};
  if (!codings.empty()) {
    std::vector<string> all_codings;
    bool identity = false;
    for (const string& value : codings)
      for (const string& one : elements(value)) {
        const bool spare = is_response && all_codings.empty() && one == "identity";
        identity = identity || spare;
        if (!one.empty() && !spare) all_codings.push_back(one);
      }
    if (identity && all_codings.empty()) return {otherwise};
    const bool good = all_codings == std::vector<string>{"chunked"} &&
                      (is_response || (codings.size() == 1 && message.version != "HTTP/1.0"));
    return {good ? Body::Kind::chunked : Body::Kind::refused};
  }
  if (lengths.empty()) return {otherwise};
  std::vector<string> numbers;
  for (const string& value : lengths) {
    const std::vector<string> list = is_response ? elements(value) : std::vector<string>{value};
    if (std::all_of(list.begin(), list.end(), [](const string& one) { return one.empty(); }))
      numbers.emplace_back();
    for (const string& one : list)
      if (!is_response || !one.empty()) numbers.push_back(one);
  }
  const auto length = number(numbers[0]);
  if ((!is_response && lengths.size() > 1) || !length) return {Body::Kind::refused};
  for (const string& one : numbers)
    if (number(one) != length) return {Body::Kind::refused};
  return {Body::Kind::length, *length};
}

// ---- http URIs (RFC 3986, RFC 9110 section 4.2.1) --------------------------------------------------------

struct Authority {
  string host;
  std::uint16_t port = 80;
  bool ipv6 = false;
};
struct Uri {
  Authority authority;
  string path;  // with the query, without the fragment
};

// Four numbers of 0 to 255 without leading zeros.
inline bool is_ipv4(string_view text) {
  int parts = 0;
  for (bool more = true; more; ++parts) {
    const std::size_t dot = text.find('.');
    const string_view part = text.substr(0, dot);
    more = dot != string_view::npos;
    if (more) text.remove_prefix(dot + 1);
    if (part.size() > 3 || (part.size() > 1 && part[0] == '0')) return false;
    const auto value = number(part);
    if (!value || *value > 255) return false;
  }
  return parts == 4;
}

// The number of 16-bit groups in a sequence "h16:h16:..."; the last may be an IPv4 address if `last`. -1:
// invalid.
inline int groups(string_view text, bool last) {
  if (text.empty()) return 0;
  int count = 0;
  for (;;) {
    const std::size_t colon = text.find(':');
    const string_view part = text.substr(0, colon);
    if (colon == string_view::npos && last && is_ipv4(part)) return count + 2;
    if (part.empty() || part.size() > 4 || !all(part, is_hex)) return -1;
    ++count;
    if (colon == string_view::npos) return count;
    text.remove_prefix(colon + 1);
  }
}

inline bool is_ipv6(string_view text) {
  const std::size_t gap = text.find("::");
  if (gap == string_view::npos) return groups(text, true) == 8;
  const int before = groups(text.substr(0, gap), false), after = groups(text.substr(gap + 2), true);
  return before >= 0 && after >= 0 && before + after <= 7;
}

// CHOICE: no percent-encoding, only letters, digits, "-", ".", "_"; no name that could be another spelling of
// an IPv4 address.
inline bool is_host_name(string_view host) {
  if (host.empty() || host.size() > 253) return false;
  for (const char c : host)
    if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.' && c != '_') return false;
  std::vector<string> labels;
  string label;
  for (const char c : host) {
    if (c != '.') label += c;
    if (c == '.') labels.push_back(std::exchange(label, ""));
  }
  if (host.back() != '.') labels.push_back(label);
  const string last = lower(labels.back());
  if (last.empty()) return false;
  const bool decimal = all(last, is_digit);
  const bool hex = last.substr(0, 2) == "0x" && all(last.substr(2), is_hex);
  return decimal || hex ? is_ipv4(host) : true;
}

inline std::optional<Authority> read_authority(string_view text) {
  Authority out;
  string_view rest;
  if (!text.empty() && text[0] == '[') {
    const std::size_t close = text.find(']');
    if (close == string_view::npos) return {};
    out.host = string{text.substr(1, close - 1)};
    out.ipv6 = true;
    rest = text.substr(close + 1);
    if (!is_ipv6(out.host)) return {};
  } else {
    out.host = string{text.substr(0, text.find(':'))};
    rest = text.substr(out.host.size());
    if (!is_host_name(out.host)) return {};
  }
  if (rest.empty() || rest == ":") return out;
  if (rest[0] != ':') return {};
  const auto port = number(rest.substr(1));
  if (!port || *port == 0 || *port > 65535) return {};
  out.port = static_cast<std::uint16_t>(*port);
  return out;
}

// RFC 3986 section 3.2.1. CHOICE: percent-encoding is not checked.
inline bool is_userinfo(char c) {
  return is_digit(c) || is_letter(c) || (c != '\0' && std::strchr("-._~!$&'()*+,;=%:", c) != nullptr);
}

// Host: any registered name. CHOICE: percent-encoding is not checked, and the name is not empty.
inline std::optional<Authority> read_host_field(string_view text) {
  if (text.starts_with("[")) return read_authority(text);
  const string_view name = text.substr(0, text.find(':'));
  if (name.empty() || name.size() > 253 || !all(name, is_userinfo)) return {};
  auto out = read_authority("h" + string{text.substr(name.size())});
  if (out) out->host = string{name};
  return out;
}

// `rest` is the text after "http://".
inline std::optional<Uri> read_http_uri(string_view rest) {
  rest = rest.substr(0, rest.find('#'));
  string_view authority = rest.substr(0, rest.find_first_of("/?"));
  const string path{rest.substr(authority.size())};
  if (const std::size_t at = authority.find('@'); at != string_view::npos) {
    if (!all(authority.substr(0, at), is_userinfo)) return {};
    authority.remove_prefix(at + 1);
  }
  const auto read = read_authority(authority);
  if (!read) return {};
  return Uri{*read, path};
}

// As in Host.
inline string host_field(const Authority& authority) {
  const string host = authority.ipv6 ? "[" + authority.host + "]" : authority.host;
  return authority.port == 80 ? host : host + ":" + std::to_string(authority.port);
}

// ---- chunks (RFC 9112 section 7.1) -----------------------------------------------------------------------

struct Chunks {
  enum class What { complete, partial, bad } what;
  string payload;        // decoded before the error, if there is one
  std::size_t consumed;  // complete: bytes of the message
};

// CHOICE: extensions are not parsed (any text after ";"), sizes stay below 2^60, a size line has at
// most 1024 characters (the ";" and CR LF not counted), the trailer section 15 KiB (CR LF not counted).
// CHOICE: from a server, LF ends a line without extension, blanks may follow a size and the name of a
// trailer, and extensions and trailers may contain control characters except NUL, CR and LF.
class ChunkReader {
 public:
  explicit ChunkReader(string_view text, bool from_server) : text_(text), from_server_(from_server) {}

  Chunks read() {
    for (;;) {
      const std::uint64_t size = read_size_line();
      if (state_ != What::complete) break;
      if (size == 0) {
        read_trailers();
        break;
      }
      const std::size_t here = static_cast<std::size_t>(std::min<std::uint64_t>(size, text_.size() - at_));
      payload_ += text_.substr(at_, here);
      at_ += here;
      if (here < size) state_ = What::partial;
      end_line();
      if (state_ != What::complete) break;
    }
    return {state_, payload_, at_};
  }

 private:
  using What = Chunks::What;

  [[nodiscard]] bool more() const { return state_ == What::complete && at_ < text_.size(); }
  [[nodiscard]] char next() const { return text_[at_]; }

  void expect(string_view wanted) {
    for (const char c : wanted) {
      if (state_ != What::complete) return;
      if (at_ == text_.size())
        state_ = What::partial;
      else if (text_[at_] != c)
        state_ = What::bad;
      else
        ++at_;
    }
  }
  void end_line() { expect(from_server_ && more() && next() == '\n' ? "\n" : "\r\n"); }
  string take_text() {
    return take(
        [this](char c) { return is_text(c) || (from_server_ && c != '\0' && c != '\r' && c != '\n'); });
  }
  string take_blanks() {
    return take([](char c) { return c == ' ' || c == '\t'; });
  }
  // Characters for which `test` holds.
  template <class Test>
  string take(Test test) {
    string out;
    while (more() && test(next())) {
      out += next();
      ++at_;
    }
    if (state_ == What::complete && at_ == text_.size()) state_ = What::partial;
    return out;
  }

  std::uint64_t read_size_line() {
    const string digits = take(is_hex);
    const string blanks = digits.empty() ? "" : take_blanks();
    std::size_t characters = digits.size() + blanks.size();
    bool extended = false;
    if (more() && next() == ';' && !digits.empty()) {
      extended = true;
      ++at_;
      characters += take_text().size();
    }
    const string significant = digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
    if (characters > 1024 || significant.size() > 15) state_ = What::bad;
    if (state_ == What::complete && digits.empty()) state_ = What::bad;
    if (state_ == What::complete && !blanks.empty() && !extended && !from_server_) state_ = What::bad;
    if (extended)
      expect("\r\n");
    else
      end_line();
    if (state_ != What::complete || significant.empty()) return 0;
    return std::stoull(significant, nullptr, 16);
  }

  void read_trailers() {
    std::size_t characters = 0;
    while (state_ == What::complete) {
      if (more() && (next() == '\r' || (from_server_ && next() == '\n'))) break;
      const string name = take(is_tchar);
      characters += name.size();
      if (from_server_ && !name.empty()) characters += take_blanks().size();
      if (state_ == What::complete && name.empty()) state_ = What::bad;
      if (more() && next() == ':') ++characters;
      if (characters > 15360) state_ = What::bad;
      expect(":");
      if (state_ != What::complete) return;
      characters += take_text().size();
      if (characters > 15360) state_ = What::bad;
      end_line();
      if (state_ == What::complete && at_ == text_.size()) state_ = What::partial;
    }
    end_line();
  }

  string_view text_;
  bool from_server_;
  std::size_t at_ = 0;
  What state_ = What::complete;
  string payload_;
};

}  // namespace reference
