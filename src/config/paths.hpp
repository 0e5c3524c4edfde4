// Paths that the configuration names.
#pragma once
#include <string>
#include <string_view>

namespace config {

// The directory of a configuration file, from which relative paths in it start; empty: the working directory,
// also for an inherited pipe such as /dev/fd/63.
std::string folder_of(std::string_view file);
// A path as it is to be opened: `path`, or relative to `folder` if that is not empty.
std::string path_from(std::string_view folder, std::string_view path);
// The absolute path, for messages.
std::string whole_path(std::string_view path);
// The error if no directory has this path, or an empty string.
std::string check_directory(std::string_view path);
// The error if no file can be created at `path`, which begins with `failing` ("cannot create"); or an empty
// string. Does not create it.
std::string check_new_file(std::string_view path, std::string_view failing);

}  // namespace config
