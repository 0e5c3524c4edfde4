#include "reload.hpp"

#include "../config/command_line.hpp"
#include "../config/text_file.hpp"
#include "../config/users_text.hpp"
#include "../sys/sys.hpp"
#include "resources.hpp"

namespace server {
std::unique_ptr<plan::Generation> first_generation(plan::Config config, std::size_t clients) {
  auto first = std::make_unique<plan::Generation>(std::move(config));
  limit_clients(*first, nullptr, clients, random_key());
  group_servers(*first, random_key());
  return first;
}

std::string read_users(plan::Generation& generation, const plan::Generation* before) {
  constexpr std::size_t kFileMax = std::size_t{4} * 1024 * 1024;
  const config::When when = before == nullptr ? config::When::start : config::When::reload;
  const std::string& file = generation.config.users_file;
  if (file.empty()) return {};
  generation.hasher = before != nullptr ? before->hasher : nullptr;
  if (!generation.hasher) generation.hasher = plan::make_crypt(sys::cpu_us);
  if (!generation.hasher) return "--users needs libcrypt, which this program was built without";
  std::string text;
  if (std::string error = config::read_text_file(file, kFileMax, text, when); !error.empty()) return error;
  std::vector<plan::User> users;
  if (const std::string error = config::parse_users(text, *generation.hasher, users); !error.empty())
    return file + ": " + error;
  const plan::Users* const known = before != nullptr ? before->users.get() : nullptr;
  generation.users =
      std::make_shared<plan::Users>(generation.hasher.get(), known != nullptr ? known->key() : random_key());
  generation.users->set(std::move(users));
  if (known != nullptr) generation.users->keep_verified(*known);
  return {};
}

Loaded load_generation(std::span<const char* const> arguments, const plan::Generation& current,
                       std::size_t clients) {
  config::CommandLine line = config::parse_command_line(arguments, config::When::reload);
  Loaded loaded{{}, std::move(line.message), std::move(line.warnings)};
  if (line.what != config::CommandLine::What::run) return loaded;
  auto next = std::make_unique<plan::Generation>(std::move(line.config));
  loaded.error = read_users(*next, &current);
  if (!loaded.error.empty()) return loaded;
  limit_clients(*next, &current, clients, random_key());
  group_servers(*next, current.group_key);
  loaded.generation = std::move(next);
  return loaded;
}

StartOptions::StartOptions(const plan::Config& config)
    : max_requests_(config.max_requests), buffer_mib_(config.buffer_mib), access_log_(config.access_log) {}

std::string StartOptions::changed(const plan::Config& config) const {
  std::string names;
  const auto consider = [&names](bool changed, const char* name) {
    if (changed) names += (names.empty() ? "" : ", ") + std::string{name};
  };
  consider(config.max_requests != max_requests_, "--max-requests");
  consider(config.buffer_mib != buffer_mib_, "--buffers");
  consider(config.access_log != access_log_, "--access-log");
  return names;
}

}  // namespace server
