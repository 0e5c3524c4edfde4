#include "effects.hpp"

#include <algorithm>
#include <array>

#include "options.hpp"
#include "parent_text.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;

struct KindName {
  std::uint8_t bit;
  string_view name;
};
constexpr std::array<KindName, 5> kKindNames{{{kForwardBit, "a forward proxy"},
                                              {kReverseBit, "a reverse proxy"},
                                              {kWebBit, "a web server"},
                                              {kRelayBit, "a TCP proxy"},
                                              {kPlainBit, "a listener without HTTP"}}};

std::uint8_t kind_of(const plan::Config& config, const plan::Listener& listener) {
  switch (listener.role) {
    case plan::Role::forward: return kForwardBit;
    case plan::Role::relay: return kRelayBit;
    case plan::Role::web: break;
    default: return kPlainBit;
  }
  const auto has_reverse = [&config](std::size_t site) {
    const std::vector<plan::WebRoute>& routes = config.sites[site].routes;
    return std::any_of(routes.begin(), routes.end(),
                       [](const plan::WebRoute& route) { return route.kind == plan::RouteKind::reverse; });
  };
  const bool reverse = std::any_of(listener.sites.begin(), listener.sites.end(), has_reverse);
  return reverse ? kWebBit | kReverseBit : kWebBit;
}

// "a forward proxy or a web server".
string names_of(std::uint8_t kinds) {
  string names;
  for (const KindName& kind : kKindNames)
    if ((kinds & kind.bit) != 0) names += (names.empty() ? "" : " or ") + string{kind.name};
  return names;
}

bool has_parent(const plan::Config& config) {
  return std::any_of(config.parents.begin(), config.parents.end(),
                     [](const plan::ParentRow& row) { return row.parent.has_value(); });
}

// An option that only changes what another one does.
struct Requirement {
  string_view option, needed;
  bool (*holds)(const plan::Config&);
};
constexpr std::array<Requirement, 2> kRequirements{{
    {"--no-parent", "--parent", has_parent},
    {"--log-format", "an access log", [](const plan::Config& config) { return config.access_log != "off"; }},
}};

// What the option lacks; empty: nothing.
string lacking(const plan::Config& config, std::uint8_t kinds, string_view option) {
  const std::uint8_t effect = option_effect(option);
  if ((effect & kinds) == 0) return names_of(effect);
  for (const Requirement& row : kRequirements)
    if (row.option == option && !row.holds(config)) return string{row.needed};
  return {};
}

}  // namespace

std::vector<string> effect_warnings(const plan::Config& config, std::span<const GivenOption> given) {
  std::uint8_t kinds = 0;
  for (const plan::Listener& listener : config.listeners) kinds |= kind_of(config, listener);
  std::vector<string> warnings;
  for (const GivenOption& option : given)
    if (const string needed = lacking(config, kinds, option.name); !needed.empty())
      warnings.push_back(option.place + ": no effect without " + needed);
  const std::vector<string> parents = parent_warnings(config.parents);
  warnings.insert(warnings.end(), parents.begin(), parents.end());
  return warnings;
}

}  // namespace config
