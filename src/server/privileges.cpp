#include "privileges.hpp"

#include <cerrno>
#include <cstring>

#include "../base/text.hpp"
#include "../sys/user.hpp"
#include "sandbox.hpp"

namespace server {
namespace {

// Returns an error message; empty: success.
std::string wanted_identity(const plan::Config& config, sys::Identity& out) {
  if (!config.user.empty()) {
    const auto user = sys::find_user(config.user);
    if (!user) return "--user: there is no user " + base::quoted(config.user) + ": see getent passwd";
    out = *user;
  }
  if (config.group.empty()) return {};
  const auto group = sys::find_group(config.group);
  if (!group) return "--group: there is no group " + base::quoted(config.group) + ": see getent group";
  out.group = *group;
  return {};
}

std::string option(const plan::Config& config) {
  return config.user.empty() ? "--group " + config.group : "--user " + config.user;
}

// A reload, which checks the directories, would fail.
std::string unreachable(const plan::Config& config) {
  for (const std::string& root : served_directories(config))
    if (sys::path_kind(root.c_str()) != sys::PathKind::directory)
      return option(config) + ": this user cannot reach the directory " + base::quoted(root) +
             ": allow it to search those above (chmod o+x)";
  return {};
}

}  // namespace

std::string drop_privileges(const plan::Config& config) {
  if (config.user.empty() && config.group.empty()) return {};
  const sys::Identity own = sys::own_identity();
  sys::Identity wanted = own;
  if (std::string error = wanted_identity(config, wanted); !error.empty()) return error;
  if (own.user != 0 && wanted == own) return {};
  const int error = sys::become(wanted);
  if (error == EPERM)
    return option(config) + ": permission denied: start the proxy as root, or without this option";
  if (error != 0) return option(config) + ": cannot give up the privileges of root: " + std::strerror(error);
  return unreachable(config);
}

}  // namespace server
