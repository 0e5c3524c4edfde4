#include "escape.hpp"

#include <cstring>

namespace base {
namespace {

void put_hex(Writer& out, char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  out << kHexDigits[byte >> 4U] << kHexDigits[byte & 0xfU];
}

bool is_printable(char c) noexcept { return c == ' ' || is(c, kVisible); }

}  // namespace

void put_escaped(Writer& out, std::string_view text) noexcept {
  const auto is_special = [](char c) { return !is(c, kVisible) || c == '"' || c == '\\'; };
  while (!text.empty()) {
    const auto plain = std::find_if(text.begin(), text.end(), is_special) - text.begin();
    out << text.substr(0, static_cast<std::size_t>(plain));
    text.remove_prefix(static_cast<std::size_t>(plain));
    if (text.empty()) return;
    put_hex(out << "\\x", text.front());
    text.remove_prefix(1);
  }
}

void put_json(Writer& out, std::string_view text) noexcept {
  out << '"';
  for (const char c : text)
    if (c == '"' || c == '\\')
      out << '\\' << c;
    else if (is_printable(c))
      out << c;
    else
      put_hex(out << "\\u00", c);
  out << '"';
}

std::string json_string(std::string_view text) {
  std::string room(6 * text.size() + 2, '\0');
  Writer out{room};
  put_json(out, text);
  room.resize(out.length());
  return room;
}

void put_sf_string(Writer& out, std::string_view text) noexcept {
  out << '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out << '\\';
    out << (is_printable(c) ? c : '?');
  }
  out << '"';
}

void put_error_name(Writer& out, int error) noexcept {
  if (const char* const name = ::strerrorname_np(error); name != nullptr)
    out << std::string_view{name};
  else
    out << static_cast<std::uint64_t>(error);
}

}  // namespace base
