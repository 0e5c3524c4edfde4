#include "kinds.hpp"

#include <array>

namespace config {
namespace {

struct KindName {
  Kinds kinds;
  std::string_view name;
};
// A row counts if all its kinds are in the set and not named yet.
constexpr std::array<KindName, 12> kKindNames{{{kForwardBit, "a forward proxy"},
                                               {kWebBits, "a web server"},
                                               {kRouteBits, "a route"},
                                               {kReverseBit, "a reverse proxy"},
                                               {kFilesBit, "a file server"},
                                               {kRedirectBit, "a redirect"},
                                               {kMetricsBit, "a page of the proxy"},
                                               {kRelayBit, "a TCP proxy"},
                                               {kPlainBits, "a listener without HTTP"},
                                               {kEchoBit | kLinesBit, "an echo server"},
                                               {kSentFileBit, "a stream that sends a file"},
                                               {kHeaderBit, "\"proxy_protocol_in\": true"}}};

Kinds bit_of_role(plan::Role role) noexcept {
  switch (role) {
    case plan::Role::forward: return kForwardBit;
    case plan::Role::web: return kSiteBit;
    case plan::Role::relay: return kRelayBit;
    case plan::Role::echo: return kEchoBit;
    case plan::Role::reverse_lines: return kLinesBit;
    case plan::Role::send_file: break;
  }
  return kSentFileBit;
}

}  // namespace

Kinds kinds_of(const plan::Site& site) noexcept {
  Kinds kinds = kSiteBit;
  for (const plan::WebRoute& route : site.routes) kinds |= bit_of(route.kind);
  return kinds;
}

Kinds kinds_of(const plan::Config& config, const plan::Listener& listener) noexcept {
  Kinds kinds = bit_of_role(listener.role);
  for (const std::size_t site : listener.sites) kinds |= kinds_of(config.sites[site]);
  return listener.proxy_header_in ? kinds | kHeaderBit : kinds;
}

Kinds kinds_of(const plan::Config& config) noexcept {
  Kinds kinds = 0;
  for (const plan::Listener& listener : config.listeners) kinds |= kinds_of(config, listener);
  return kinds;
}

std::string names_of(Kinds kinds) {
  std::string names;
  for (const KindName& row : kKindNames) {
    if ((kinds & row.kinds) != row.kinds) continue;
    names += (names.empty() ? "" : " or ") + std::string{row.name};
    kinds = static_cast<Kinds>(kinds & ~row.kinds);
  }
  return names;
}

}  // namespace config
