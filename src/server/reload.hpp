// Generations: how the first one is made, and how SIGHUP makes the next one from the command line and its
// files, a file in each turn of the loop.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "../plan/generation.hpp"
#include "sandbox.hpp"

namespace server {

// The newest is last; older ones stay as long as a connection uses them. Never empty.
using Generations = std::vector<std::unique_ptr<plan::Generation>>;

// The generation at start. `clients`: the number of clients whose rate limits are kept.
std::unique_ptr<plan::Generation> first_generation(plan::Config config, std::size_t clients);

// Reads the lists of hosts that the rules name. Returns an error message; empty: success.
std::string read_host_lists(const plan::Config& config);

// Reads these lists and the password files. Returns an error message; empty: success.
std::string read_files(plan::Generation& generation);

// What has no effect, or less than its options say: users of rules that --users does not have, and a
// --max-requests that the limit of open files lowers to `slots`. REQUIRES: the files were read.
std::vector<std::string> start_warnings(const plan::Generation& generation, std::size_t slots);

struct Loaded {
  std::unique_ptr<plan::Generation> generation;  // null: failed
  std::string error;
  std::vector<std::string> warnings;
};

// A reload: a step for the command line with its configuration file, then one for each file that these name.
class Reload {
 public:
  // The first step. State that may continue is shared with `current`. The sandbox must allow the paths that
  // the next generation names. REQUIRES: `arguments` and `current` outlive this.
  Reload(std::span<const char* const> arguments, const plan::Generation& current, std::size_t clients,
         const Sandbox& sandbox);
  // A file has to be read.
  [[nodiscard]] bool pending() const noexcept { return next_ != nullptr; }
  // Reads the next file, of hosts or of passwords. REQUIRES: pending().
  void read_next();
  // REQUIRES: not pending().
  [[nodiscard]] Loaded result() && { return std::move(loaded_); }

 private:
  void complete();

  const plan::Generation& current_;
  std::size_t clients_;
  std::unique_ptr<plan::Generation> next_;  // null: failed, or complete
  std::size_t lists_ = 0, users_ = 0;       // files that were read
  Loaded loaded_;
};

// Options whose change needs a restart, as they were at start.
class StartOptions {
 public:
  explicit StartOptions(const plan::Config& config);
  // The names of those that differ in `config`: "--max-requests, --buffers".
  [[nodiscard]] std::string changed(const plan::Config& config) const;

 private:
  std::size_t max_requests_, buffer_mib_, trace_entries_;
  http::HeadLimits head_limits_;
  bool reuse_port_;
  plan::Sandbox sandbox_;
  std::string access_log_, record_file_, takeover_, user_, group_, lens_;
};

}  // namespace server
