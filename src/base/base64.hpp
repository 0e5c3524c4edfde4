// Base64 (RFC 4648 section 4), as credentials are sent in it (RFC 7617).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text.hpp"

namespace base {

constexpr std::size_t base64_bytes(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }

// Writes base64_bytes(text.size()) characters, the padding included.
inline void put_base64(Writer& out, std::string_view text) noexcept {
  constexpr std::string_view kDigits{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"};
  for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(3, text.size()))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) {
      out << (i <= text.size() ? kDigits[group >> 18 & 0x3fU] : '=');
      group <<= 6;
    }
  }
}

}  // namespace base
