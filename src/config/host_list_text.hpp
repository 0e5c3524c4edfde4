// Reads a file of host names, for host=@FILE in rules: one name in a line.
//
//   example.com     this name
//   .example.com    example.com and all names below it
//   *.example.com   the names below it only; "*" is possible in no other place
//   192.0.2.1       this address in any spelling
//   # a comment, also after a name; empty lines and the blanks around a name do not count
#pragma once
#include <string>
#include <string_view>

#include "../plan/host_list.hpp"

namespace config {

inline constexpr std::size_t kHostListsMax = 16;            // files
inline constexpr std::size_t kHostListNamesMax = 100'000;   // in each file
inline constexpr std::size_t kHostListFileMax = 2'500'000;  // bytes

// The list of that file, which is added to `lists` if it is new. Null: there are kHostListsMax others.
std::shared_ptr<plan::HostList> host_list(plan::HostLists& lists, const std::string& path);

// Replaces the names of the list. Returns the error, "line 3: ...", or an empty string on success.
std::string parse_host_list(std::string_view text, plan::HostList& out);

}  // namespace config
