#include "paths.hpp"

#include <algorithm>
#include <cerrno>
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
  const string quoted = base::quoted(whole_path(path));
  switch (sys::path_kind(string{path}.c_str())) {
    case sys::PathKind::directory: return {};
    case sys::PathKind::none: return "no such directory: " + quoted;
    case sys::PathKind::file: break;
  }
  return "not a directory: " + quoted;
}

string check_log_file(string_view path) {
  const sys::PathKind kind = sys::path_kind(string{path}.c_str());
  string folder{path.substr(0, path.rfind('/') + 1)};  // npos + 1 is 0
  if (folder.empty()) folder = ".";
  if (kind == sys::PathKind::none)
    if (string error = check_directory(folder); !error.empty()) return error;
  const int error =
      kind == sys::PathKind::directory
          ? EISDIR
          : sys::check_writable(kind == sys::PathKind::none ? folder.c_str() : string{path}.c_str());
  return error == 0 ? string{} : "cannot open the log " + whole_path(path) + ": " + std::strerror(error);
}

}  // namespace config
