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

// `error`: an errno; 0: none.
string failure(string_view failing, string_view path, int error) {
  if (error == 0) return {};
  return string{failing} + " " + whole_path(path) + ": " + std::strerror(error);
}

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
    case sys::PathKind::file:
    case sys::PathKind::socket: break;
  }
  return "not a directory: " + quoted;
}

string check_new_file(string_view path, string_view failing) {
  string folder{path.substr(0, path.rfind('/') + 1)};  // npos + 1 is 0
  if (folder.empty()) folder = ".";
  if (string error = check_directory(folder); !error.empty()) return error;
  return failure(failing, path, sys::check_writable(folder.c_str()));
}

string check_log_file(string_view path) {
  constexpr string_view kFailing = "cannot open the log";
  const string file{path};
  switch (sys::path_kind(file.c_str())) {
    case sys::PathKind::none: return check_new_file(path, kFailing);
    case sys::PathKind::directory: return failure(kFailing, path, EISDIR);
    case sys::PathKind::file:
    case sys::PathKind::socket: break;
  }
  return failure(kFailing, path, sys::check_writable(file.c_str()));
}

}  // namespace config
