// ASCII text as in RFC 9110 section 5.6, numbers, and a writer for buffers of fixed size. Independent of the
// locale.
#pragma once
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace base {

// Classes of characters; a character may be in several.
enum CharClass : std::uint8_t {
  kToken = 1,       // tchar (RFC 9110 section 5.6.2)
  kFieldValue = 2,  // HTAB, SP, VCHAR, obs-text (RFC 9110 section 5.5)
  kDigit = 4,       // DIGIT
  kHexDigit = 8,    // HEXDIG, either case
  kHostName = 16,   // accepted in a host name: letters, digits, "-", ".", "_"
  kVisible = 32,    // VCHAR: "!" to "~"
  kUserinfo = 64,   // unreserved, sub-delims, "%" and ":" (RFC 3986 section 3.2.1)
};

namespace detail {
// Computes the classes of each byte.
constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  const auto add = [&table](unsigned char c, std::uint8_t kind) {
    table[c] = static_cast<std::uint8_t>(table[c] | kind);
  };
  for (int c = 0x21; c < 0x7f; ++c) add(static_cast<unsigned char>(c), kFieldValue | kVisible);
  for (int c = 0x80; c < 0x100; ++c) add(static_cast<unsigned char>(c), kFieldValue);
  add(' ', kFieldValue);
  add('\t', kFieldValue);
  for (unsigned char c = '0'; c <= '9'; ++c) add(c, kToken | kDigit | kHexDigit | kHostName | kUserinfo);
  for (unsigned char c = 'a'; c <= 'z'; ++c) add(c, kToken | kHostName | kUserinfo);
  for (unsigned char c = 'A'; c <= 'Z'; ++c) add(c, kToken | kHostName | kUserinfo);
  for (unsigned char c = 'a'; c <= 'f'; ++c) add(c, kHexDigit);
  for (unsigned char c = 'A'; c <= 'F'; ++c) add(c, kHexDigit);
  for (const char c : std::string_view{"!#$%&'*+-.^_`|~"}) add(static_cast<unsigned char>(c), kToken);
  for (const char c : std::string_view{"-._~!$&'()*+,;=%:"}) add(static_cast<unsigned char>(c), kUserinfo);
  for (const char c : std::string_view{"-._"}) add(static_cast<unsigned char>(c), kHostName);
  return table;
}
inline constexpr std::array<std::uint8_t, 256> kClasses = make_classes();
}  // namespace detail

// True if `c` is in the class.
constexpr bool is(char c, CharClass kind) noexcept {
  return (detail::kClasses[static_cast<unsigned char>(c)] & kind) != 0;
}

// True if all characters of `text` are in the class.
constexpr bool all_are(std::string_view text, CharClass kind) noexcept {
  return std::all_of(text.begin(), text.end(), [kind](char c) { return is(c, kind); });
}

// True for the ASCII control characters: C0 and DEL.
constexpr bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// True if `text` contains an ASCII control character.
constexpr bool has_control(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), is_control);
}

// Converts an ASCII letter to lower case; returns other characters unchanged.
constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// The hexadecimal digits by their values.
inline constexpr std::string_view kHexDigits = "0123456789abcdef";

// Returns the value of a hexadecimal digit. REQUIRES: `c` is a kHexDigit.
constexpr unsigned hex_value(char c) noexcept {
  return static_cast<unsigned>(is(c, kDigit) ? c - '0' : lower(c) - 'a' + 10);
}

// Compares without regard to the case of ASCII letters.
constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

// Removes leading and trailing optional white space (SP, HTAB).
constexpr std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Removes the final dot of a fully qualified host name (RFC 3986 section 3.2.2).
constexpr std::string_view without_final_dot(std::string_view name) noexcept {
  if (name.size() > 1 && name.back() == '.') name.remove_suffix(1);
  return name;
}

// Removes the first element from a comma-separated list (RFC 9110 section 5.6.1) and returns it, trimmed. It
// may be empty.
constexpr std::string_view next_element(std::string_view& list) noexcept {
  const std::size_t comma = list.find(',');
  const std::string_view element = list.substr(0, comma);
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  return trimmed(element);
}

// Reads a number that is decimal digits only. Returns false and leaves `value` unchanged on anything else and
// on overflow.
template <class Unsigned>
constexpr bool parse_decimal(std::string_view text, Unsigned& value) noexcept {
  if (text.empty() || !all_are(text, kDigit)) return false;
  Unsigned parsed{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  value = parsed;
  return true;
}

// Reads a TCP port, 1 to 65535. Returns false and leaves `port` unchanged otherwise.
constexpr bool parse_port(std::string_view text, std::uint16_t& port) noexcept {
  std::uint16_t parsed = 0;
  if (!parse_decimal(text, parsed) || parsed == 0) return false;
  port = parsed;
  return true;
}

// Returns `text` in lower case (ASCII).
std::string lowered(std::string_view text);
// Removes a UTF-8 byte order mark, which some editors put in front of a file.
constexpr std::string_view without_byte_order_mark(std::string_view text) noexcept {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

// Returns the text for a message on a terminal: control characters (ASCII, C1, and those of the
// direction of writing, in UTF-8) as \xHH.
std::string printable(std::string_view text);

// Returns 'text', printable and quoted for a message.
std::string quoted(std::string_view text);
// Decodes percent-encoding (RFC 3986 section 2.1). Returns nullopt if two hexadecimal digits do not follow a
// "%".
std::optional<std::string> percent_decoded(std::string_view text);

// Writes text into a buffer of fixed size. Drops what does not fit and sets `overflowed`: callers check once,
// at the end.
class Writer {
 public:
  explicit Writer(std::span<char> room) noexcept : room_(room) {}

  Writer& operator<<(std::string_view text) noexcept {
    if (text.size() > room_.size() - length_) return put_beginning(text);
    if (!text.empty()) std::memcpy(room_.data() + length_, text.data(), text.size());
    length_ += text.size();
    return *this;
  }
  Writer& operator<<(char c) noexcept { return *this << std::string_view{&c, 1}; }
  Writer& operator<<(std::uint64_t number) noexcept {
    return number < 10 ? *this << static_cast<char>('0' + number) : padded(number, 1);
  }
  // Writes a decimal number with leading zeros, at least `digits` long. REQUIRES: `digits` is at most 20.
  Writer& padded(std::uint64_t number, std::size_t digits) noexcept {
    std::size_t length = 1;
    for (std::uint64_t rest = number / 10; rest != 0; rest /= 10) ++length;
    length = std::max(length, digits);
    if (length > room_.size() - length_) return put_beginning(number, length);
    put_digits(number, room_.subspan(length_, length));
    length_ += length;
    return *this;
  }

  // The bytes written so far.
  [[nodiscard]] std::size_t length() const noexcept { return length_; }
  // True if text was dropped.
  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  // The text written so far.
  [[nodiscard]] std::string_view view() const noexcept { return {room_.data(), length_}; }

 private:
  // Fills the field, from the last digit to leading zeros.
  static void put_digits(std::uint64_t number, std::span<char> field) noexcept {
    for (std::size_t at = field.size(); at > 0; number /= 10)
      field[--at] = static_cast<char>('0' + number % 10);
  }
  // Writes the part that fits.
  Writer& put_beginning(std::string_view text) noexcept;
  Writer& put_beginning(std::uint64_t number, std::size_t digits) noexcept;

  std::span<char> room_;
  std::size_t length_ = 0;
  bool overflowed_ = false;
};

// Writes a duration as "250 ms", "8.2 s" or "119 s".
Writer& put_duration(Writer& out, std::uint64_t ms) noexcept;

// Writes a host as in an authority: an IPv6 address in brackets (RFC 3986 section 3.2.2).
inline Writer& put_host(Writer& out, std::string_view host) noexcept {
  const bool ipv6 = host.find(':') != std::string_view::npos;
  return out << (ipv6 ? "[" : "") << host << (ipv6 ? "]" : "");
}

}  // namespace base
