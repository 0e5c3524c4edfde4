// Users and groups, on Linux.
#include "user.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>

#include "../base/text.hpp"

namespace sys {

// There is one thread, so the functions without _r are safe.
std::optional<Identity> find_user(const std::string& name) {
  const passwd* found = ::getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  std::uint32_t number = 0;
  const bool is_number = base::parse_decimal(name, number);
  if (found == nullptr && is_number) found = ::getpwuid(number);  // NOLINT(concurrency-mt-unsafe)
  if (found == nullptr) return std::nullopt;
  return Identity{found->pw_uid, found->pw_gid};
}

std::optional<std::uint32_t> find_group(const std::string& name) {
  std::uint32_t number = 0;
  if (const group* const found = ::getgrnam(name.c_str()); found != nullptr)  // NOLINT(concurrency-mt-unsafe)
    return found->gr_gid;
  if (base::parse_decimal(name, number)) return number;
  return std::nullopt;
}

Identity own_identity() noexcept { return {::geteuid(), ::getegid()}; }

int become(const Identity& identity) noexcept {
  const gid_t group = identity.group;
  if (::setgroups(1, &group) != 0 || ::setresgid(group, group, group) != 0 ||
      ::setresuid(identity.user, identity.user, identity.user) != 0)
    return errno;
  const bool user_returns = identity.user != 0 && (::setuid(0) == 0 || ::seteuid(0) == 0);
  const bool group_returns = identity.user != 0 && group != 0 && (::setgid(0) == 0 || ::setegid(0) == 0);
  return user_returns || group_returns ? ENOTRECOVERABLE : 0;
}

}  // namespace sys
