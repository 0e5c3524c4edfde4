// Writes text that clients or servers chose, so that it cannot be mistaken for markup.
#pragma once
#include <string>
#include <string_view>

#include "text.hpp"

namespace base {

// Writes visible ASCII except quotes and backslashes; all other bytes as \xHH. Quotes too, so that a reader
// that does not know escapes still finds the closing quote.
void put_escaped(Writer& out, std::string_view text) noexcept;

// Writes a JSON string (RFC 8259 section 7) with its quotes. JSON must be Unicode, but the text need not be
// UTF-8: a byte outside visible ASCII is written as the character with that number.
void put_json(Writer& out, std::string_view text) noexcept;
// Returns such a string.
std::string json_string(std::string_view text);

// Writes a String of structured fields (RFC 8941 section 3.3.3) with its quotes. Writes "?" for each byte
// that it cannot contain.
void put_sf_string(Writer& out, std::string_view text) noexcept;

// The HTML character reference for a character of markup; empty for all others.
constexpr std::string_view html_reference(char c) noexcept {
  switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return {};
  }
}

// Writes the symbolic name of an errno value, as ECONNREFUSED; its number if it has none.
void put_error_name(Writer& out, int error) noexcept;

}  // namespace base
