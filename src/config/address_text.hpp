// Reads addresses, networks, ports and upstream servers from text, for the command line and the configuration
// file. A function that returns a string returns the error, or an empty string on success. On an error `out`
// is unchanged.
#pragma once
#include <string_view>

#include "../plan/roles.hpp"

namespace config {

// PORT or FIRST-LAST. FIRST is at least 1; LAST may be below FIRST, which the caller checks.
bool parse_ports(std::string_view text, plan::Ports& out) noexcept;

// ADDRESS or ADDRESS/BITS, where all bits of ADDRESS after the first BITS are zero. A network of IPv4-mapped
// IPv6 addresses becomes the IPv4 network.
std::string parse_network(std::string_view text, plan::Network& out);

// An absolute path that fits into a Unix socket address.
bool is_socket_path(std::string_view text) noexcept;

// HOST or HOST:PORT, an IPv6 address in brackets. Without PORT the port of `out` is used; if that is 0, PORT
// is required.
std::string parse_host_port(std::string_view text, plan::Hop& out);
// ADDRESS or ADDRESS:PORT, an IPv6 address with its port in brackets, and with its interface:
// [fe80::1%eth0]:53. Without PORT it is `port`.
std::string parse_server(std::string_view text, std::uint16_t port, sys::Address& out);
// HOST:PORT, http://HOST[:PORT] (port 80 by default), or unix:/PATH.
std::string parse_hop(std::string_view text, plan::Hop& out);
// One or more of these, separated by commas.
std::string parse_members(std::string_view text, std::vector<plan::Hop>& out);

// Listeners of role `forward` at a numeric address, with or without brackets. "localhost" is 127.0.0.1 and
// the optional ::1; "*" is 0.0.0.0 and the optional ::. Empty if `host` is none of these.
std::vector<plan::Listener> listeners_at(std::string_view host, std::uint16_t port);
// The same for [ADDRESS:]PORT: PORT is at localhost, and :PORT at all addresses of this machine. False if the
// text is invalid.
bool parse_listen(std::string_view text, std::vector<plan::Listener>& out);

}  // namespace config
