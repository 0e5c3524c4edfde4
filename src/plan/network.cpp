#include "network.hpp"

#include <algorithm>

#include "../base/text.hpp"

namespace plan {

bool parse_ports(std::string_view text, Ports& out) noexcept {
  const std::size_t dash = std::min(text.find('-'), text.size());
  Ports ports;
  if (!base::parse_decimal(text.substr(0, dash), ports.first) || ports.first == 0) return false;
  ports.last = ports.first;
  if (dash != text.size() && !base::parse_decimal(text.substr(dash + 1), ports.last)) return false;
  out = ports;
  return true;
}

bool parse_network(std::string_view text, Network& out) noexcept {
  const std::size_t slash = std::min(text.find('/'), text.size());
  Network network;
  if (!sys::parse_ip(text.substr(0, slash), 0, network.address)) return false;
  network.prefix = network.address.bits();
  if (slash != text.size() && (!base::parse_decimal(text.substr(slash + 1), network.prefix) ||
                               network.prefix > network.address.bits()))
    return false;
  const sys::Address plain = sys::unmapped(network.address);
  if (plain.bits() < network.address.bits() && network.prefix >= 96)
    network = {plain, network.prefix - (network.address.bits() - plain.bits())};
  out = network;
  return true;
}

}  // namespace plan
