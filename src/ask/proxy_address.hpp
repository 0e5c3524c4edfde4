// The address of a running proxy, as a subcommand gets it.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../sys/address.hpp"

namespace ask {

struct ProxyAddress {
  std::vector<sys::Address> addresses{};  // tried in this order; never empty once read
  std::string name{};                     // for messages: "port 9100", "[::1]:9100"
  std::string host{};                     // for the Host field; empty: the first of `addresses`
  std::string login{};                    // the field Authorization with its CR LF; empty: there is none
};

// Reads "[ADDRESS:]PORT", with a numeric address or localhost. Returns false, and leaves `proxy` unchanged,
// on anything else. Keeps the login.
bool read_proxy_address(std::string_view text, ProxyAddress& proxy);

// The argument begins with --user.
bool is_user_option(std::string_view argument) noexcept;
// Reads "--user NAME" or "--user=NAME" at `arguments[at]`, and moves `at` to its last argument. The password
// is the environment variable PROXY_PASSWORD: command lines can be seen by all users of the machine. Returns
// the error; empty: none.
std::string read_user(std::span<const char* const> arguments, std::size_t& at, ProxyAddress& proxy);

// "GET path HTTP/1.1" with a Host field, the login, `fields` (each with CR LF), and the empty line.
std::string get(const ProxyAddress& proxy, std::string_view path, std::string_view fields = {});

}  // namespace ask
