#include "generation.hpp"

#include <cstring>

#include "../sys/sys.hpp"

std::string read_users(Generation& generation, base::SipKey key) {
  constexpr std::size_t kFileMax = std::size_t{64} * 1024 * 1024;
  const std::string& file = generation.config.users_file;
  if (file.empty()) return {};
  generation.hasher = plan::make_crypt();
  if (!generation.hasher) return "--users needs libcrypt, which this program was built without";
  std::string text;
  if (const int error = sys::read_file(file.c_str(), kFileMax, text); error != 0)
    return "cannot read " + file + ": " + std::strerror(error);
  generation.users = std::make_shared<plan::Users>(generation.hasher.get(), key);
  const std::string wrong = generation.users->read(text);
  return wrong.empty() ? wrong : file + ": " + wrong;
}

void group_servers(Generation& generation, base::SipKey key) {
  generation.group_key = key;
  generation.groups = std::make_unique<plan::Groups>(generation.config.groups, key);
}

void limit_clients(Generation& generation, const Generation* before, std::size_t clients, base::SipKey key) {
  const plan::Allowance& allowance = generation.config.allowance;
  if (!allowance.is_limited()) return;
  // PLANT(keep-allowance-on-reload)
  if (before != nullptr && before->config.allowance == allowance)
    generation.limits = before->limits;
  else
    generation.limits = std::make_shared<plan::Limits>(allowance, clients, key);
}
