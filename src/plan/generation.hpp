// One configuration in use, with the state that belongs to it. A connection keeps the generation it was
// accepted under until it closes, so a reload never changes a connection in use.
#pragma once
#include <cstddef>
#include <memory>

#include "../base/siphash.hpp"
#include "balancer.hpp"
#include "config.hpp"
#include "crypt.hpp"
#include "limits.hpp"
#include "users.hpp"

namespace plan {

struct Generation {
  Generation() = default;
  explicit Generation(Config with) : config(std::move(with)) {}
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  Config config;
  std::shared_ptr<Hasher> hasher;
  std::vector<std::shared_ptr<Users>> users;  // of config.users_files; null, or missing: no authentication
  std::shared_ptr<ClientLimits> limits;       // null: clients have no rate limits
  base::SipKey group_key;
  std::unique_ptr<Balancer> groups;
  std::size_t records = 0;  // connections that use this generation
};

// Creates the health and load state of the configuration's groups. `key` is random; with the same key,
// clients keep their members.
void group_servers(Generation& generation, base::SipKey key);

// Creates the clients' rate limits for at most `clients` clients. Shares those of `before` if the limits are
// the same. `before` may be null. `key` is random and secret.
void limit_clients(Generation& generation, const Generation* before, std::size_t clients, base::SipKey key);

}  // namespace plan
