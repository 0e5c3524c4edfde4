#include "parent.hpp"

#include <algorithm>

#include "../base/text.hpp"
#include "config.hpp"

namespace plan {
namespace {

using std::string_view;

bool is_below(string_view host, string_view name) noexcept {
  return host.size() > name.size() + 1 && host[host.size() - name.size() - 1] == '.' &&
         base::equals_ignoring_case(host.substr(host.size() - name.size()), name);
}

bool matches(const NoParent& row, string_view host, const sys::Address& address,
             std::uint16_t port) noexcept {
  if (row.port != 0 && row.port != port) return false;
  switch (row.kind) {
    case NoParent::Kind::all: return true;
    case NoParent::Kind::name: return base::equals_ignoring_case(host, row.name) || is_below(host, row.name);
    case NoParent::Kind::below: return is_below(host, row.name);
    case NoParent::Kind::network: break;
  }
  return address.family != sys::Address::Family::none && row.network.may_have(address);
}

}  // namespace

const Parent* parent_for(const Config& config, string_view host, std::uint16_t port) noexcept {
  if (!config.parent) return nullptr;
  host = base::without_final_dot(host);
  sys::Address address;
  sys::parse_ip(host, port, address);
  if (address.is_loopback() || base::equals_ignoring_case(host, "localhost") || is_below(host, "localhost"))
    return nullptr;
  const bool direct = std::any_of(config.no_parent.begin(), config.no_parent.end(),
                                  [&](const NoParent& row) { return matches(row, host, address, port); });
  return direct ? nullptr : &*config.parent;
}

}  // namespace plan
