#include "proxy_address.hpp"

#include <array>
#include <cstdlib>

#include "../base/text.hpp"
#include "../config/address_text.hpp"
#include "../http/basic_auth.hpp"

namespace ask {

bool read_proxy_address(std::string_view text, ProxyAddress& proxy) {
  std::vector<plan::Listener> listeners;
  if (!config::parse_listen(text, listeners) || listeners.front().address.port == 0) return false;
  proxy.addresses.clear();
  proxy.name = (text.find(':') == std::string_view::npos ? "port " : "") + std::string{text};
  for (const plan::Listener& listener : listeners) proxy.addresses.push_back(listener.address);
  return true;
}

bool is_user_option(std::string_view argument) noexcept {
  return argument == "--user" || argument.starts_with("--user=");
}

std::string read_user(std::span<const char* const> arguments, std::size_t& at, ProxyAddress& proxy) {
  std::string_view name = arguments[at];
  const std::size_t equals = name.find('=');
  if (equals == std::string_view::npos && at + 1 == arguments.size())
    return "--user needs the name of a user";
  name = equals == std::string_view::npos ? std::string_view{arguments[++at]} : name.substr(equals + 1);
  const char* const variable = std::getenv("PROXY_PASSWORD");
  if (variable == nullptr) return "--user: put the password into the environment variable PROXY_PASSWORD";
  const std::string_view password = variable;
  if (name.empty() || name.find(':') != std::string_view::npos || name.size() > http::kBasicWordMax)
    return "--user: invalid name " + base::quoted(name) + ": expected at most 255 bytes without ':'";
  if (password.size() > http::kBasicWordMax) return "PROXY_PASSWORD: expected at most 255 bytes";
  std::array<char, http::base64_bytes(2 * http::kBasicWordMax + 1)> room;
  base::Writer out{room};
  http::put_basic(out, name, password);
  proxy.login = "Authorization: Basic " + std::string{out.view()} + "\r\n";
  return {};
}

std::string get(const ProxyAddress& proxy, std::string_view path, std::string_view fields) {
  return "GET " + std::string{path} + " HTTP/1.1\r\nHost: " +
         (proxy.host.empty() ? std::string{sys::endpoint_text(proxy.addresses.front()).view()} : proxy.host) +
         "\r\n" + proxy.login + std::string{fields} + "\r\n";
}

}  // namespace ask
