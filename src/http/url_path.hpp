// Paths of URLs: normalisation, percent-encoding, and the file that a path names.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace http {

// How to read "%2F": as a separator of segments, or as text within a segment. Servers differ in this.
enum class EncodedSlash : std::uint8_t { separator, text };

// Decodes a path (RFC 3986 section 2.1) once, removes empty segments, and resolves "." and ".." (section
// 5.2.4). The result begins with "/", and ends with "/" if the path names a directory. Nothing if the path
// leads above the root, contains a NUL, or has a "%" without two digits. REQUIRES: `path` has no query.
std::optional<std::string> normal_path(std::string_view path, EncodedSlash slash = EncodedSlash::separator);

// Returns true if the path contains "%2F".
bool has_encoded_slash(std::string_view path) noexcept;

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
