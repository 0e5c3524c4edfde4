#include "effects.hpp"

#include <algorithm>
#include <array>

#include "../sys/address.hpp"
#include "options.hpp"
#include "parent_text.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;

bool has_parent(const plan::Config& config, Kinds) {
  return std::any_of(config.parents.begin(), config.parents.end(),
                     [](const plan::ParentRow& row) { return row.parent.has_value(); });
}

// Some host has to be looked up. Those of requests are; the machine itself is not.
bool has_names(const plan::Config& config, Kinds kinds) {
  const auto is_name = [](const plan::Hop& hop) {
    sys::Address ignored;
    return !hop.host.empty() && hop.host != "localhost" && !sys::parse_ip(hop.host, 0, ignored);
  };
  const auto has_one = [is_name](const plan::Group& group) {
    return std::any_of(group.members.begin(), group.members.end(), is_name);
  };
  return (kinds & kForwardBit) != 0 || std::any_of(config.groups.begin(), config.groups.end(), has_one);
}

bool has_users(const plan::Config& config, Kinds) { return !config.users_files.front().empty(); }
bool has_http_1_1(const plan::Config& config, Kinds) { return !config.http10; }

// A setting that only changes what another one does.
struct Requirement {
  string_view option, needed;
  bool (*holds)(const plan::Config&, Kinds kinds);
};
constexpr std::array<Requirement, 12> kRequirements{{
    {"--parent", "the URL of an upstream proxy", has_parent},
    {"--no-parent", "--parent", has_parent},
    {"--log-format", "an access log",
     [](const plan::Config& config, Kinds) { return config.access_log != "off"; }},
    {"--nameserver", "a host name to look up", has_names},
    {"--resolve-timeout", "a host name to look up", has_names},
    {"--keep-upstreams", "--http 1.1", has_http_1_1},
    {"--keep-alive-timeout", "--http 1.1", has_http_1_1},
    {"--upgrade", "--http 1.1", has_http_1_1},
    {"--via", "a forward proxy or a reverse proxy",
     [](const plan::Config& config, Kinds kinds) { return config.via || (kinds & kMessageBits) != 0; }},
    {kRealm, "--users", has_users},
    {kNoLogin, "--users", has_users},
    {kGzipDetail, "\"gzip_enable\": true", [](const plan::Config& config, Kinds) { return config.gzip; }},
}};

// What the option lacks; empty: nothing.
string lacking(const plan::Config& config, Kinds kinds, string_view option) {
  const Kinds effect = option_effect(option);
  if (effect != 0 && (effect & kinds) == 0) return names_of(effect);
  for (const Requirement& row : kRequirements)
    if (row.option == option && !row.holds(config, kinds)) return string{row.needed};
  return {};
}

}  // namespace

std::vector<string> effect_warnings(const plan::Config& config, std::span<const GivenOption> given) {
  const Kinds kinds = kinds_of(config);
  std::vector<string> warnings;
  for (const GivenOption& option : given)
    if (const string needed = lacking(config, kinds, option.name); !needed.empty())
      warnings.push_back(option.place + ": no effect without " + needed);
  if ((kinds & kForwardBit) == 0 && (kinds & kWebBits) != 0)
    for (const plan::Rule& rule : config.rules.all())
      if (!rule.to.empty())
        warnings.push_back(rule.text + ": no effect without a forward proxy: web servers ignore to=");
  const std::vector<string> parents = parent_warnings(config.parents);
  warnings.insert(warnings.end(), parents.begin(), parents.end());
  return warnings;
}

}  // namespace config
