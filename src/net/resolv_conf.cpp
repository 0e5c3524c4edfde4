#include "resolv_conf.hpp"

#include "../base/text.hpp"
#include "../sys/scoped_address.hpp"
#include "text_lines.hpp"

namespace net {

std::vector<sys::Address> name_servers(std::string_view text) {
  std::vector<sys::Address> servers;
  text = base::without_byte_order_mark(text);
  while (!text.empty() && servers.size() < kNameServersMax) {
    std::string_view line = next_line(text);
    sys::Address address;
    if (next_word(line) == "nameserver" && sys::parse_scoped_ip(next_word(line), kDnsPort, address))
      servers.push_back(address);
  }
  if (servers.empty()) servers.push_back(sys::loopback4(kDnsPort));
  return servers;
}

}  // namespace net
