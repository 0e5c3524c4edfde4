#include "sandbox.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "../sys/core_dump.hpp"
#include "../watch/sink.hpp"

namespace server {
namespace {

using std::string;
using std::string_view;
using sys::PathUse;
using Paths = std::vector<sys::UsedPath>;

// The directory of a file: "." if the path has none.
string folder_of(string_view file) {
  const std::size_t slash = file.rfind('/');
  if (slash == string_view::npos) return ".";
  return string{file.substr(0, slash == 0 ? 1 : slash)};
}

// The file's directory, and that of the file which a symbolic link stands for: a program that writes the file
// again often puts another one in its place.
void add_file(Paths& paths, const string& file, PathUse use) {
  paths.push_back({folder_of(file), use});
  if (const string real = sys::real_path(file); !real.empty()) paths.push_back({folder_of(real), use});
}

// If a part of the path is a symbolic link, also the directory of what the last such part stands for: there
// is the next version of what is served, to which the link will lead.
void add_root(Paths& paths, const string& root) {
  paths.push_back({root, PathUse::read});
  string part = root;
  for (string above = folder_of(part); above != part; part = above, above = folder_of(part)) {
    const string real = sys::real_path(part), name = part.substr(part.rfind('/') + 1);
    if (real.empty() || name.empty() || name == "." || name == "..") continue;
    string expected = sys::real_path(above);
    if (!expected.ends_with('/')) expected += '/';
    if (real == expected.append(name)) continue;
    return paths.push_back({folder_of(real), PathUse::read});
  }
}

// The files that a reload reads besides the configuration file.
std::vector<string> files_of(const plan::Config& config) {
  std::vector<string> files;
  for (const string& file : config.users_files)
    if (!file.empty()) files.push_back(file);
  for (const std::shared_ptr<plan::HostList>& list : config.host_lists) files.push_back(list->path());
  return files;
}

// What each server uses: name servers, hosts, the time zone, its own figures, a descriptor in reserve.
void add_system(Paths& paths) {
  add_file(paths, "/etc/resolv.conf", PathUse::read);
  add_file(paths, "/etc/hosts", PathUse::read);
  add_file(paths, "/etc/localtime", PathUse::read);
  paths.push_back({"/usr/share/zoneinfo", PathUse::read});
  paths.push_back({"/proc/self", PathUse::read});
  paths.push_back({"/dev/null", PathUse::append});
  if (const string cores = sys::core_folder(); !cores.empty()) paths.push_back({cores, PathUse::record});
}

// SIGUSR1 opens the log again. A device, as /dev/stdout, has no directory that the log needs.
void add_log(Paths& paths, const string& log) {
  if (log == "-" || log == "off" || watch::log_target(log).backend != &watch::kFile) return;
  if (log.starts_with("/dev/") || log.starts_with("/proc/"))
    paths.push_back({log, PathUse::append});
  else
    add_file(paths, log, PathUse::append);
}

// What a reload may name again.
Paths named_paths(const plan::Config& config) {
  Paths paths{{config.file, PathUse::read}, {config.record_folder, PathUse::record}};
  for (const string& file : files_of(config)) paths.push_back({file, PathUse::read});
  for (const string& root : served_directories(config)) paths.push_back({root, PathUse::read});
  return paths;
}

}  // namespace

std::vector<string> served_directories(const plan::Config& config) {
  std::vector<string> roots;
  for (const plan::Site& site : config.sites)
    for (const plan::WebRoute& route : site.routes)
      if (!route.directory.empty()) roots.push_back(route.directory);
  for (const plan::Listener& listener : config.listeners)
    if (!listener.root.empty()) roots.push_back(listener.root);
  return roots;
}

Paths used_paths(const plan::Config& config) {
  Paths paths;
  add_system(paths);
  add_log(paths, config.access_log);
  if (!config.file.empty()) add_file(paths, config.file, PathUse::read);
  for (const string& file : files_of(config)) add_file(paths, file, PathUse::read);
  for (const string& root : served_directories(config)) add_root(paths, root);
  if (!config.record_folder.empty()) paths.push_back({config.record_folder, PathUse::record});
  if (!config.takeover.empty()) paths.push_back({folder_of(config.takeover), PathUse::remove});
  return paths;
}

string Sandbox::enter(const plan::Config& config) {
  if (config.sandbox == plan::Sandbox::off) return {};
  const int unavailable = sys::check_sandbox();
  const string error = unavailable == ENOTSUP ? "this program has sanitizers, or runs in valgrind"
                       : unavailable != 0     ? "this kernel cannot limit system calls (seccomp)"
                                              : limit(config);
  if (error.empty()) return {};
  if (config.sandbox == plan::Sandbox::required) return "--sandbox: " + error;
  notice_ = "no sandbox: " + error;
  missing_ = unavailable != ENOTSUP;
  return {};
}

string Sandbox::limit(const plan::Config& config) {
  sys::FileLimits files = sys::restrict_files(used_paths(config));
  missing_ = files.error != 0 && files.error != ENOSYS;
  string without = missing_ ? string{"cannot limit the files: "} + std::strerror(files.error) : "";
  if (missing_ && config.sandbox == plan::Sandbox::required) return without;
  limits_files_ = files.error == 0;
  granted_ = std::move(files.granted);
  named_ = named_paths(config);
  kept_ = std::move(files.kept);
  if (const int error = sys::restrict_calls(); error != 0)
    return string{"cannot limit the system calls: "} + std::strerror(error);
  notice_ = "sandbox: system calls are limited, " +
            (limits_files_ ? "and files (Landlock " + std::to_string(files.version) + ")"
             : missing_    ? "but not files: " + without
                           : string{"but not files: this kernel has no Landlock"});
  return {};
}

// The error message for `path`, whose folder without symbolic links is `real`; empty: it may be used, or
// there is nothing.
string Sandbox::refusal(const string& path, const string& real, PathUse use) const {
  if (real.empty() || sys::is_granted(granted_, real.c_str(), use)) return {};
  const bool is_named = std::any_of(named_.begin(), named_.end(), [&](const sys::UsedPath& named) {
    return named.path == path && named.use == use;
  });
  return path + ": the sandbox does not allow this path, " +
         (is_named ? "whose directory was replaced since the start"
                   : "which the configuration did not name at the start") +
         ": restart the proxy to use it";
}

string Sandbox::objection(const string& file) const {
  if (!limits_files_) return {};
  const string real = sys::real_path(file);
  return real.empty() ? string{} : refusal(file, folder_of(real), PathUse::read);
}

string Sandbox::objection(const plan::Config& next) const {
  if (!limits_files_) return {};
  for (const string& file : files_of(next))
    if (string error = objection(file); !error.empty()) return error;
  for (const string& root : served_directories(next))
    if (string error = refusal(root, sys::real_path(root), PathUse::read); !error.empty()) return error;
  const string& records = next.record_folder;
  return records.empty() ? string{} : refusal(records, sys::real_path(records), PathUse::record);
}

}  // namespace server
