// Generations: how the first one is made, and how SIGHUP makes the next one from the command line and its
// files.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "../plan/generation.hpp"

namespace server {

// The newest is last; older ones stay as long as a connection uses them. Never empty.
using Generations = std::vector<std::unique_ptr<plan::Generation>>;

// The generation at start. `clients`: the number of clients whose rate limits are kept.
std::unique_ptr<plan::Generation> first_generation(plan::Config config, std::size_t clients);

// Reads the password files. Users of `before`, which may be null, stay verified. Returns an error message;
// empty: success.
std::string read_users(plan::Generation& generation, const plan::Generation* before);

// One line for each user of a rule that --users does not have. REQUIRES: read_users.
std::vector<std::string> unknown_users(const plan::Generation& generation);

struct Loaded {
  std::unique_ptr<plan::Generation> generation;  // null: failed
  std::string error;
  std::vector<std::string> warnings;
};
// Reads the command line again, with its files. State that may continue is shared with `current`.
Loaded load_generation(std::span<const char* const> arguments, const plan::Generation& current,
                       std::size_t clients);

// Options whose change needs a restart, as they were at start.
class StartOptions {
 public:
  explicit StartOptions(const plan::Config& config);
  // The names of those that differ in `config`: "--max-requests, --buffers".
  [[nodiscard]] std::string changed(const plan::Config& config) const;

 private:
  std::size_t max_requests_, buffer_mib_;
  std::string access_log_;
};

}  // namespace server
