// The table of options: the command line, the help and the configuration file are read from it.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../plan/config.hpp"

namespace config {

enum class OptionKind : std::uint8_t {
  once,  // one value; the last one counts
  list,  // the same, and the value is a list with commas
  repeated,
  flag,     // without a value: "true", or in a file also "false"
  rule,     // repeated, and the order among all of these counts
  special,  // for the command line itself; cannot be applied
};

struct Option {
  std::string_view name;
  std::string_view value;  // what it is called in the help; empty: there is none
  std::string_view help;
  // Empty, or what is wrong.
  std::string (*take)(plan::Config&, std::string_view);
  OptionKind kind = OptionKind::once;
  char letter = 0;  // its short name
};

// Those of kDeadlineRows are not among them.
std::span<const Option> options() noexcept;

// All names, with their two dashes, those of kDeadlineRows too.
std::vector<std::string_view> option_names();
// Nothing: there is no such option.
std::optional<OptionKind> option_kind(std::string_view name) noexcept;
// REQUIRES: an option of another kind than `special`. Empty, or what is wrong with the value.
std::string apply_option(plan::Config& config, std::string_view name, std::string_view value);

}  // namespace config
