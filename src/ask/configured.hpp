// Finds a running proxy by its configuration file.
#pragma once
#include <string>
#include <string_view>

#include "proxy_address.hpp"

namespace ask {

// What a subcommand asks for.
enum class Wanted : std::uint8_t { doctor, board };

// Sets `proxy` to the first listener of the configuration that serves the page to this machine, and `path` to
// where; a route of type doctor comes before a board. Keeps the login. Options that the proxy got besides the
// file are not known. Returns the error; empty: none.
std::string read_configured(std::string_view file, Wanted page, ProxyAddress& proxy, std::string& path);

}  // namespace ask
