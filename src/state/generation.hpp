// One reading of the command line and its files, with all that belongs to it. A connection is served by the
// one it came under, to its end: so a new reading changes nothing for it, and what its requests point to
// stays.
#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "../base/siphash.hpp"
#include "../plan/config.hpp"
#include "../plan/crypt.hpp"
#include "../plan/groups.hpp"
#include "../plan/limits.hpp"
#include "../plan/users.hpp"

struct Generation {
  Generation() = default;
  explicit Generation(plan::Config with) : config(std::move(with)) {}
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  plan::Config config;
  std::unique_ptr<plan::Hasher> hasher;
  std::shared_ptr<plan::Users> users;    // null: nobody is asked for a password
  std::shared_ptr<plan::Limits> limits;  // null: no client has any
  base::SipKey group_key;
  std::unique_ptr<plan::Groups> groups;
  std::size_t records = 0;  // served by it now
};

// Reads whom to ask for a password. Empty, or what is wrong. `key` is to be random and secret.
std::string read_users(Generation& generation, base::SipKey key);

// How the servers of the configuration's groups fare is counted from now on. Clients stay with theirs as long
// as the key is the same; it is to be random.
void group_servers(Generation& generation, base::SipKey key);

// Counts clients by what the configuration allows them; as `before` did, and on from there, if that allowed
// them the same. `before` may be null. `key` is to be random.
void limit_clients(Generation& generation, const Generation* before, std::size_t clients, base::SipKey key);
