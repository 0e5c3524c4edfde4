// The name servers in the text of resolv.conf(5).
#pragma once
#include <string_view>
#include <vector>

#include "../sys/address.hpp"

namespace net {

inline constexpr std::size_t kNameServersMax = 8;
inline constexpr std::uint16_t kDnsPort = 53;

// Returns the addresses of the lines `nameserver`, at most kNameServersMax; without one, 127.0.0.1 (the
// default of resolv.conf(5)). All other keywords are ignored: a search list would resolve another name than
// the one that the rules have checked.
std::vector<sys::Address> name_servers(std::string_view text);

}  // namespace net
