#include "paths.hpp"

#include <algorithm>
#include <cstring>

#include "../base/text.hpp"
#include "../sys/sys.hpp"

namespace config {

using std::string;
using std::string_view;

namespace {

bool is_relative(string_view path) noexcept { return !path.starts_with('/'); }

}  // namespace

string folder_of(string_view file) {
  const std::size_t slash = file.rfind('/');
  const string_view folder = slash == string_view::npos ? string_view{} : file.substr(0, slash + 1);
  return folder.starts_with("/dev/") || folder.starts_with("/proc/") ? string{} : string{folder};
}

string path_from(string_view folder, string_view path) {
  return is_relative(path) ? string{folder}.append(path) : string{path};
}

string whole_path(string_view path) {
  if (path.empty() || !is_relative(path)) return string{path};
  while (path.starts_with("./")) path.remove_prefix(2);
  const string folder = sys::working_directory();
  return folder + (folder.ends_with('/') ? "" : "/") + string{path};
}

string check_directory(string_view path) {
  const sys::PathKind kind = sys::path_kind(string{path}.c_str());
  if (kind == sys::PathKind::directory) return {};
  return (kind == sys::PathKind::none ? "no such directory: " : "not a directory: ") +
         base::quoted(whole_path(path));
}

string check_new_file(string_view path, string_view failing) {
  string folder{path.substr(0, path.rfind('/') + 1)};  // npos + 1 is 0
  if (folder.empty()) folder = ".";
  if (string error = check_directory(folder); !error.empty()) return error;
  const int error = sys::check_writable(folder.c_str());
  return error == 0 ? string{} : string{failing} + " " + whole_path(path) + ": " + std::strerror(error);
}

}  // namespace config
