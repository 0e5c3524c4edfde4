// Media types by file name extension.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace files {

// The value of Content-Type: the type, and for text that does not tell its encoding itself the charset, if
// that is not empty.
std::string with_charset(std::string_view type, std::string_view charset);

class MediaTypes {
 public:
  // `list`: lines with a type and its extensions, as in /etc/mime.types; "#" starts a comment. It overrides
  // the built-in types.
  explicit MediaTypes(std::string_view list = {});

  // The media type, by the longest known extension, ignoring case; "application/octet-stream" if
  // there is none. The view is valid as long as this object.
  [[nodiscard]] std::string_view of(std::string_view file_name) const noexcept;

 private:
  // Compares ignoring case, without copying the name.
  struct Less {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept;
  };
  void add_list(std::string_view list);

  std::map<std::string, std::string, Less> types_;  // by extension, without the dot
};

}  // namespace files
