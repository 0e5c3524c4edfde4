// Basic credentials (RFC 7617), and the Base64 (RFC 4648 section 4) that carries them.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "../base/text.hpp"

namespace http {

// The realm of a 407.
inline constexpr std::string_view kProxyRealm = "proxy";
inline constexpr std::size_t kRealmBytesMax = 64;

// Writes a challenge for Basic credentials in UTF-8 (RFC 7617 sections 2 and 2.1). REQUIRES: the realm is
// visible ASCII and blanks, without quotes and backslashes.
base::Writer& put_basic_challenge(base::Writer& out, std::string_view realm) noexcept;

constexpr std::size_t base64_bytes(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }

// Writes base64_bytes(text.size()) characters, with padding.
void put_base64(base::Writer& out, std::string_view text) noexcept;

// Decodes `text` into `into`. Returns false if it does not fit, or if it is not the only encoding of its
// bytes (RFC 4648 sections 3.5 and 4); `length` is invalid then.
bool decode_base64(std::string_view text, std::span<char> into, std::size_t& length) noexcept;

inline constexpr std::size_t kBasicWordMax = 255;

// Writes USER:PASSWORD in Base64. REQUIRES: at most kBasicWordMax bytes each.
base::Writer& put_basic(base::Writer& out, std::string_view user, std::string_view password) noexcept;

// Decodes a field value "Basic BASE64" into `into`, as USER:PASSWORD. Returns false if it has another scheme,
// does not fit, or is malformed.
bool decode_basic(std::string_view value, std::span<char> into, std::size_t& length) noexcept;

}  // namespace http
