// The media type of a file, by the end of its name.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace files {

class MediaTypes {
 public:
  // `list`: lines of a type and the endings that stand for it, as in /etc/mime.types; "#" begins a comment.
  // It goes before the few types that are known without it.
  explicit MediaTypes(std::string_view list = {});

  // As the value of Content-Type. The longest ending that is known decides, in letters of either case;
  // "application/octet-stream" if none is. The view is good as long as this object.
  [[nodiscard]] std::string_view of(std::string_view file_name) const noexcept;

 private:
  // Compares without regard to case, so that a name need not be copied.
  struct Less {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept;
  };
  void add_list(std::string_view list);

  std::map<std::string, std::string, Less> types_;  // by ending, without the dot
};

}  // namespace files
