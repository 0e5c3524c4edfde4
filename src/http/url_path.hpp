// URLs: normalisation of paths, percent-encoding, the file that a path names, and what may be logged.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace http {

// Servers read some paths differently. A reading is a set of these bits; each is a difference from `usual`.
struct PathReading {
  std::uint8_t bits = 0;
  static constexpr std::uint8_t usual = 0;
  static constexpr std::uint8_t slash_text = 1;       // "%2F" does not separate segments
  static constexpr std::uint8_t dot_text = 2;         // "%2E" is not "." when ".." is resolved
  static constexpr std::uint8_t decoded_twice = 4;    // "%252E" is "."
  static constexpr std::uint8_t backslash = 8;        // "\" separates segments (IIS)
  static constexpr std::uint8_t no_parameters = 16;   // "x;y" is "x", and "..;" is ".." (Tomcat, Jetty)
  static constexpr std::uint8_t empty_segments = 32;  // "//" does not count as "/" (RFC 3986)
  static constexpr std::uint8_t overlong = 64;        // "%C0%AE" is ".", in more bytes than UTF-8 allows
  [[nodiscard]] constexpr bool has(std::uint8_t bit) const noexcept { return (bits & bit) != 0; }
};

// Decodes a path (RFC 3986 section 2.1), removes empty segments, and resolves "." and ".." (section 5.2.4).
// The result begins with "/", and ends with "/" if the path names a directory. Nothing if the path leads
// above the root, contains a NUL, or has a "%" without two digits. REQUIRES: `path` has no query.
std::optional<std::string> normal_path(std::string_view path, PathReading reading = {});

// A URL without its userinfo, which may be a password (RFC 9110 section 4.2.4): `before` and then `after`.
struct PublicUrl {
  std::string_view before, after;
};
// Removes the userinfo of an absolute URL. Other texts are returned as `before`.
PublicUrl without_userinfo(std::string_view url) noexcept;

// Returns all bits that can change the normal form of this path.
PathReading differences(std::string_view path) noexcept;

// A file or directory below a directory that is served.
struct FilePath {
  std::string name;        // decoded, segments separated by "/"; empty: the directory itself
  bool slash = false;      // the URL ends with "/": a directory was requested
  std::string_view query;  // as received, without "?"
};

// Splits the route's prefix off a normal path. REQUIRES: `path` is below `prefix`.
FilePath file_below(std::string_view prefix, std::string_view path, std::string_view query);

// Percent-encodes all characters except unreserved ones (RFC 3986 section 2.3) and those in `kept`.
std::string percent_encoded(std::string_view text, std::string_view kept = {});

}  // namespace http
