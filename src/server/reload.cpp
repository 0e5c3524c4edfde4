#include "reload.hpp"

#include "../config/command_line.hpp"
#include "../config/host_list_text.hpp"
#include "../config/paths.hpp"
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

namespace {

// The users that were read from `file` before; null: none were.
const plan::Users* users_of(const plan::Generation* before, const std::string& file) {
  for (std::size_t i = 0; before != nullptr && i < before->users.size(); ++i)
    if (before->config.users_files[i] == file) return before->users[i].get();
  return nullptr;
}

// Adds the users of `file` to the generation. Returns an error message; empty: success.
std::string add_users(plan::Generation& generation, const plan::Generation* before, const std::string& file) {
  constexpr std::size_t kFileMax = std::size_t{4} * 1024 * 1024;
  const config::When when = before == nullptr ? config::When::start : config::When::reload;
  std::string text;
  if (std::string error = config::read_text_file(file, kFileMax, text, when); !error.empty()) return error;
  std::vector<plan::User> users;
  if (const std::string error = config::parse_users(text, *generation.hasher, users); !error.empty())
    return config::whole_path(file) + ": " + error;
  const plan::Users* const known = users_of(before, file);
  plan::Users& added = *generation.users.emplace_back(
      std::make_shared<plan::Users>(generation.hasher.get(), known != nullptr ? known->key() : random_key()));
  added.set(std::move(users));
  if (known != nullptr) added.keep_verified(*known);
  return {};
}

// Reads password file number `index` of the configuration. Users of `before`, which may be null, stay
// verified.
std::string read_users(plan::Generation& generation, const plan::Generation* before, std::size_t index) {
  const std::string& file = generation.config.users_files[index];
  if (file.empty()) {
    generation.users.emplace_back();
    return {};
  }
  if (!generation.hasher) generation.hasher = before != nullptr ? before->hasher : nullptr;
  if (!generation.hasher) generation.hasher = plan::make_crypt(sys::cpu_us);
  if (!generation.hasher) return "passwords need libcrypt, which this program was built without";
  return add_users(generation, before, file);
}

std::string read_host_list(plan::HostList& list, config::When when) {
  std::string text;
  if (std::string error = config::read_text_file(list.path(), config::kHostListFileMax, text, when);
      !error.empty())
    return error;
  const std::string error = config::parse_host_list(text, list);
  return error.empty() ? error : config::whole_path(list.path()) + ": " + error;
}

}  // namespace

std::string read_host_lists(const plan::Config& config) {
  for (const std::shared_ptr<plan::HostList>& list : config.host_lists)
    if (std::string error = read_host_list(*list, config::When::start); !error.empty()) return error;
  return {};
}

std::string read_files(plan::Generation& generation) {
  std::string error = read_host_lists(generation.config);
  for (std::size_t i = 0; error.empty() && i < generation.config.users_files.size(); ++i)
    error = read_users(generation, nullptr, i);
  return error;
}

namespace {

// A line for each user of a rule that --users does not have.
std::vector<std::string> unknown_users(const plan::Generation& generation) {
  std::vector<std::string> warnings;
  const plan::Config& config = generation.config;
  for (const plan::Rule& rule : config.rules.all())
    for (const std::string& name : rule.user)
      if (!generation.users.front() || !generation.users.front()->has(name))
        warnings.push_back(rule.text + ": no effect for '" + name +
                           "': " + config::whole_path(config.users_files.front()) + " has no such user");
  return warnings;
}

}  // namespace

std::vector<std::string> start_warnings(const plan::Generation& generation, std::size_t slots) {
  std::vector<std::string> warnings = unknown_users(generation);
  const std::size_t wanted = generation.config.max_requests.value_or(0);
  if (slots < wanted)
    warnings.push_back("--max-requests " + std::to_string(wanted) + " is lowered to " +
                       std::to_string(slots) + ": the hard limit of open files (ulimit -Hn) is " +
                       std::to_string(sys::raise_descriptor_limit()));
  return warnings;
}

Reload::Reload(std::span<const char* const> arguments, const plan::Generation& current, std::size_t clients,
               const Sandbox& sandbox)
    : current_(current), clients_(clients) {
  if (loaded_.error = sandbox.objection(current.config.file); !loaded_.error.empty()) return;
  config::CommandLine line = config::parse_command_line(arguments, config::When::reload);
  loaded_ = {{}, std::move(line.message), std::move(line.warnings)};
  if (line.what != config::CommandLine::What::run) return;
  loaded_.error = sandbox.objection(line.config);
  if (!loaded_.error.empty()) return;
  next_ = std::make_unique<plan::Generation>(std::move(line.config));
  complete();
}

void Reload::read_next() {
  const plan::HostLists& lists = next_->config.host_lists;
  loaded_.error = lists_ < lists.size() ? read_host_list(*lists[lists_++], config::When::reload)
                                        : read_users(*next_, &current_, users_++);
  if (!loaded_.error.empty()) return next_.reset();
  complete();
}

// Completes the generation if no file is left.
void Reload::complete() {
  const plan::Config& config = next_->config;
  if (lists_ < config.host_lists.size()) return;
  for (; users_ < config.users_files.size() && config.users_files[users_].empty(); ++users_)
    next_->users.emplace_back();
  if (users_ < config.users_files.size()) return;
  const std::vector<std::string> unknown = unknown_users(*next_);
  loaded_.warnings.insert(loaded_.warnings.end(), unknown.begin(), unknown.end());
  limit_clients(*next_, &current_, clients_, random_key());
  group_servers(*next_, current_.group_key);
  loaded_.generation = std::move(next_);
}

StartOptions::StartOptions(const plan::Config& config)
    : max_requests_(config.max_requests.value_or(plan::kRequestsDefault)),
      buffer_mib_(config.buffer_mib),
      trace_entries_(config.trace_entries),
      head_limits_(config.head_limits),
      reuse_port_(config.reuse_port),
      sandbox_(config.sandbox),
      access_log_(config.access_log),
      record_file_(config.record_file),
      takeover_(config.takeover),
      user_(config.user),
      group_(config.group),
      lens_(config.lens.text) {}

std::string StartOptions::changed(const plan::Config& config) const {
  std::string names;
  const auto consider = [&names](bool changed, const char* name) {
    if (changed) names += (names.empty() ? "" : ", ") + std::string{name};
  };
  consider(config.max_requests.value_or(plan::kRequestsDefault) != max_requests_, "--max-requests");
  consider(config.buffer_mib != buffer_mib_, "--buffers");
  consider(config.trace_entries != trace_entries_, "--trace-entries");
  consider(config.head_limits.bytes != head_limits_.bytes, "--max-head");
  consider(config.head_limits.fields != head_limits_.fields, "--max-fields");
  consider(config.reuse_port != reuse_port_, "--reuse-port");
  consider(config.sandbox != sandbox_, "--sandbox");
  consider(config.access_log != access_log_, "--access-log");
  consider(config.record_file != record_file_, "--record");
  consider(config.takeover != takeover_, "--takeover");
  consider(config.user != user_, "--user");
  consider(config.group != group_, "--group");
  consider(config.lens.text != lens_, "--lens");
  return names;
}

}  // namespace server
