#include "basic_auth.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "../base/erase.hpp"

namespace http {
namespace {

using std::string_view;

constexpr string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kInvalid = 64;

constexpr auto make_sextets() {
  std::array<std::uint8_t, 256> table{};
  table.fill(kInvalid);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}
constexpr auto kSextets = make_sextets();

}  // namespace

void put_base64(base::Writer& out, string_view text) noexcept {
  for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(3, text.size()))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) {
      out << (i <= text.size() ? kAlphabet[group >> 18 & 0x3fU] : '=');
      group <<= 6;
    }
  }
}

bool decode_base64(string_view text, std::span<char> into, std::size_t& length) noexcept {
  if (text.size() % 4 != 0) return false;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padding);
  length = 0;
  std::uint32_t bits = 0;
  std::size_t held = 0;  // bits that are not written yet
  for (const char c : text) {
    const std::uint8_t sextet = kSextets[static_cast<unsigned char>(c)];
    if (sextet == kInvalid) return false;
    bits = bits << 6 | sextet;
    held += 6;
    if (held < 8) continue;
    if (length == into.size()) return false;
    held -= 8;
    into[length++] = static_cast<char>(bits >> held & 0xffU);
  }
  // Unused bits must be zero, or several texts would decode to the same bytes.
  return (bits & ((1U << held) - 1)) == 0;
}

base::Writer& put_basic(base::Writer& out, string_view user, string_view password) noexcept {
  std::array<char, 2 * kBasicWordMax + 1> room;
  base::Writer pair{room};
  pair << user << ':' << password;
  put_base64(out, pair.view());
  base::erase(std::span{room});
  return out;
}

base::Writer& put_basic_challenge(base::Writer& out, string_view realm) noexcept {
  return out << R"(Basic realm=")" << realm << R"(", charset="UTF-8")";
}

bool decode_basic(string_view value, std::span<char> into, std::size_t& length) noexcept {
  constexpr string_view kScheme = "Basic";
  if (!base::equals_ignoring_case(value.substr(0, kScheme.size()), kScheme)) return false;
  value.remove_prefix(kScheme.size());
  if (value.empty() || value.front() != ' ') return false;  // RFC 9110 section 11.4: 1*SP
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return decode_base64(value, into, length);
}

}  // namespace http
