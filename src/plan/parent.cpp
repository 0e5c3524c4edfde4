#include "parent.hpp"

#include <algorithm>
#include <functional>

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

bool matches(const ParentRow& row, const Host& host) noexcept {
  return std::any_of(row.hosts.begin(), row.hosts.end(),
                     [&host](const HostPattern& pattern) { return matches(pattern, host); }) ||
         (host.is_numeric() && may_be_among(row.networks, host.address()));
}

Way by_row(const std::vector<ParentRow>& rows, const Host& host) noexcept {
  auto found =
      std::find_if(rows.begin(), rows.end(), [&host](const ParentRow& row) { return matches(row, host); });
  if (found == rows.end())
    found = std::find_if(rows.begin(), rows.end(), std::mem_fn(&ParentRow::is_default));
  return found == rows.end() ? Way{Way::Why::no_row} : Way{Way::Why::row, &*found};
}

}  // namespace

bool is_this_machine(const Host& host) noexcept {
  return host.address().is_loopback() || base::equals_ignoring_case(host.text(), "localhost") ||
         is_below(host.text(), "localhost");
}

Way way_to(const Config& config, string_view host, std::uint16_t port) noexcept {
  if (config.parents.empty()) return {};
  const Host target{host};
  if (is_this_machine(target)) return {Way::Why::this_machine};
  const bool direct = std::any_of(config.no_parent.begin(), config.no_parent.end(), [&](const NoParent& row) {
    return matches(row, target.text(), target.address(), port);
  });
  return direct ? Way{Way::Why::no_parent} : by_row(config.parents, target);
}

}  // namespace plan
