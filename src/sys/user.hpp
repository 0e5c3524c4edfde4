// Users and groups, and how a process that was started as root becomes another user, without a way back.
#pragma once
#include <optional>

#include "sys.hpp"

namespace sys {

struct Identity {
  std::uint32_t user = 0, group = 0;
  bool operator==(const Identity&) const = default;
};
// Looks up a user by name or number (getpwnam(3)), with its main group. Nothing: there is none. May wait for
// a directory service: for the start only.
std::optional<Identity> find_user(const std::string& name);
// The same for a group (getgrnam(3)).
std::optional<std::uint32_t> find_group(const std::string& name);
// The effective user and group of this process.
Identity own_identity() noexcept;
// Becomes this user and group, without further groups, so that nothing of the former ones can be regained;
// this is tried. Returns 0 or errno; EPERM: this process is not root.
int become(const Identity& identity) noexcept;

}  // namespace sys
