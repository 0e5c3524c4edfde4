// The files of the board's page. They are a part of the program, so it needs no folder at run time.
#pragma once
#include <span>
#include <string_view>

namespace console {

struct WebFile {
  std::string_view name;  // the path below src/console/web: "board.js"
  std::string_view type;  // the media type
  std::string_view text;
};

// All files, in the order of web_files.inc.
std::span<const WebFile> web_files() noexcept;
// The file of that name; null if there is none.
const WebFile* find_web_file(std::string_view name) noexcept;
// A hash of all files, as an entity tag (RFC 9110 section 8.8.3): "5f3a...", with its quotes.
std::string_view web_files_tag();

}  // namespace console
