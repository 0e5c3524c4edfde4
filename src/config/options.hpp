// The table of options, from which the command line, the configuration file, `--help`, the README's table and
// the man page's list are made.
#pragma once
#include <span>

#include "kinds.hpp"

namespace config {

enum class OptionKind : std::uint8_t {
  once,      // one value; the last one given takes effect
  list,      // the same; the value is a comma-separated list
  repeated,  // each value given takes effect
  flag,      // takes no value on the command line; true or false in a file
  rule,      // repeated, and the order of all rules matters
  special,   // handled by the command line itself; cannot be applied
};

struct Option {
  std::string_view name;
  std::string_view value;         // placeholder of the value in the help; empty if the option takes none
  std::string_view help;          // a noun phrase or an imperative
  std::string_view default_text;  // as the help shows it; empty if the option has no default
  // Applies a value. Returns an empty string, or an error message.
  std::string (*take)(plan::Config&, std::string_view);
  OptionKind kind = OptionKind::once;
  Kinds effect = kAllBits;        // the kinds that it has an effect on
  std::string_view short_name{};  // as "v" for -v; empty if there is none
};

// All options except the timeouts (plan::kDeadlineRows).
std::span<const Option> options() noexcept;

// The names of all options, timeouts included, with their two dashes.
std::vector<std::string_view> option_names();
// Returns nothing if there is no such option.
std::optional<OptionKind> option_kind(std::string_view name) noexcept;
// The kinds that the option has an effect on; 0 if there is no such option.
Kinds option_effect(std::string_view name) noexcept;
// Applies an option to `config`. Requires a kind other than `special`. Returns an empty string, or an error
// message.
std::string apply_option(plan::Config& config, std::string_view name, std::string_view value);

// The option's key in a configuration file: "max_requests" for "--max-requests".
std::string file_key(std::string_view option);

// A name of a charset: a token (RFC 9110 section 8.3.2) of at most 40 bytes.
bool is_charset(std::string_view text) noexcept;

// A URL to redirect to: visible ASCII characters, at least one.
bool is_location(std::string_view text) noexcept;
// Returns true if the URL has text that nginx ($host) or Caddy ({uri}) would replace.
bool has_variable(std::string_view url) noexcept;
// What a warning about such a URL says.
inline constexpr std::string_view kVariablesAreKept =
    "$host, {uri} and others are sent as they are: only {path} and {query} are replaced";

// Reads a timeout: seconds, or with a unit; 0 if the wait may be without one. Returns an empty string, or an
// error message.
std::string parse_timeout(plan::Wait wait, std::string_view text, std::uint32_t& ms);

// Reads the limit of a request's body: bytes, or with a unit; 0 for none. Returns an empty string, or an
// error message.
std::string parse_body_limit(std::string_view text, std::uint64_t& out);

// Milliseconds as the decimal seconds that options take: "60", "0.25".
std::string seconds_text(std::uint32_t ms);

}  // namespace config
