// Where is listened, and where is connected to, as people write it; on the command line and in a file alike.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "roles.hpp"

namespace plan {

inline constexpr std::size_t kSocketPathMax = 107;  // unix(7): 108 with the final NUL
// A client's record tells its listener in one byte.
inline constexpr std::size_t kListenersMax = 200;

bool is_host_name(std::string_view text) noexcept;
// An absolute path that unix(7) has room for.
bool is_socket_path(std::string_view text) noexcept;

// Reads HOST or HOST:PORT, an IPv6 address in brackets; without PORT, the port is what `out` has, and if that
// is 0 it must be given. Empty, or what is wrong; then `out` is as it was.
std::string parse_host_port(std::string_view text, Hop& out);
// The same for HOST:PORT, http://HOST or http://HOST:PORT (80), and unix:/PATH.
std::string parse_hop(std::string_view text, Hop& out);
// One of them, or several with commas.
std::string parse_members(std::string_view text, std::vector<Hop>& out);

// As it was given: "host:80", "[::1]:80", "unix:/path".
std::string text_of(const Hop& hop);

// Why a web server cannot have this folder; empty if it can.
std::string objection_to_directory(std::string_view path);

// Forward listeners at a numeric address (brackets are allowed). "localhost" is 127.0.0.1 and, where there is
// one, ::1; "*" is 0.0.0.0 and ::. Empty if it is none of these.
std::vector<Listener> listeners_at(std::string_view host, std::uint16_t port);

// Reads [ADDRESS:]PORT, without an address on localhost. False if it is not one.
bool parse_listen(std::string_view text, std::vector<Listener>& out);

}  // namespace plan
