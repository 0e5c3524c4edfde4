#include "generation.hpp"

namespace plan {

void group_servers(Generation& generation, base::SipKey key) {
  generation.group_key = key;
  generation.groups = std::make_unique<Balancer>(generation.config.groups, key);
}

void limit_clients(Generation& generation, const Generation* before, std::size_t clients, base::SipKey key) {
  const Allowance& allowance = generation.config.allowance;
  if (!allowance.is_limited()) return;
  // PLANT(keep-allowance-on-reload)
  if (before != nullptr && before->config.allowance == allowance)
    generation.limits = before->limits;
  else
    // One more: a new client is counted before a connection of another client is closed for it.
    generation.limits = std::make_shared<ClientLimits>(allowance, clients + 1, key);
}

}  // namespace plan
