// Reads an htpasswd(1) file: lines USER:HASH, comments from "#" and empty lines.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "../plan/users.hpp"

namespace config {

// Reads the text of a file. Returns the error with its line, or an empty string on success. On an error `out`
// is unchanged.
std::string parse_users(std::string_view text, plan::Hasher& hasher, std::vector<plan::User>& out);

}  // namespace config
