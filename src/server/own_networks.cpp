#include "own_networks.hpp"

#include <cstring>
#include <string>

#include "../sys/sys.hpp"
#include "../watch/diagnostics.hpp"

namespace server {

bool read_own_networks(plan::Networks& out) {
  std::vector<sys::OwnAddress> found;
  if (const int error = sys::own_addresses(found); error != 0) {
    watch::print_diagnostics("cannot read the addresses of this machine: " +
                             std::string{std::strerror(error)});
    return false;
  }
  out.clear();
  for (const sys::OwnAddress& own : found) out.push_back({own.address, own.prefix});
  return true;
}

}  // namespace server
