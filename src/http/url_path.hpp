// The path of a URL as the name of a file below a folder, and back.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace http {

struct FilePath {
  std::string name;        // segments with "/" between them, decoded; empty: the folder itself
  bool slash = false;      // a folder was asked for: a "/" stands at the end
  std::string_view query;  // as it came, without its "?"
};

// Decodes `target` (RFC 3986 section 2.1) exactly once, then joins empty segments and resolves "." and ".."
// (section 5.2.4). Nothing if it leads above the top, or has an encoded "/" or NUL, or a broken "%".
std::optional<FilePath> parse_file_path(std::string_view target);

// What is not unreserved (RFC 3986 section 2.3) and not in `kept`, in percent-encoding.
std::string percent_encoded(std::string_view text, std::string_view kept = {});

}  // namespace http
