// Reads patterns of hosts, for rules (host=) and for upstream proxies (--parent).
//
//   *.example.com   ignoring case; "*" matches any characters, also none. Here: a name below example.com, but
//                   not example.com
//   .example.com    example.com and all names below it
//   @FILE           the hosts of that file; see host_list_text.hpp
//   192.0.2.1       this address in any spelling, but not names that resolve to it; IPv6 also in brackets
#pragma once
#include <string_view>
#include <vector>

#include "../plan/host_pattern.hpp"

namespace config {

// Appends the pattern, without a list for @FILE. Returns the error, or an empty string on success.
std::string parse_host_pattern(std::string_view text, std::vector<plan::HostPattern>& out);

}  // namespace config
