#include "configured.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "../base/text.hpp"
#include "../config/command_line.hpp"
#include "../plan/board.hpp"
#include "../plan/web_router.hpp"
#include "../sys/sys.hpp"

namespace ask {
namespace {

// Where a listener serves the page.
struct Page {
  std::string path;
  std::string host;  // for the Host field; empty: the address
};

// The rules and the route let this machine read the page of the doctor there.
bool is_readable(const plan::Config& config, const plan::Listener& listener, const Page& page) {
  const sys::Address local = sys::reached_locally(listener.address);
  const std::string text = get({.addresses = {local}, .host = page.host}, page.path);
  http::RequestHead head;
  return http::parse_request(text, 0, head).what == http::Parsed::What::complete &&
         plan::plan_web(config, listener, head, local).kind == plan::Kind::doctor;
}

std::vector<Page> doctor_pages(const plan::Site& site) {
  std::vector<Page> pages;
  std::vector<std::string> names = site.hostnames;
  if (names.empty()) names.emplace_back();
  for (const plan::WebRoute& route : site.routes)
    if (route.kind == plan::RouteKind::doctor)
      for (const std::string& name : names) pages.push_back({route.prefix, name});
  return pages;
}

// A route of type doctor, which needs no board.
std::optional<Page> route_at(const plan::Config& config, const plan::Listener& listener) {
  if (listener.role != plan::Role::web) return std::nullopt;
  for (const std::size_t site : listener.sites)
    for (const Page& page : doctor_pages(config.sites[site]))
      if (is_readable(config, listener, page)) return page;
  return std::nullopt;
}

// The board, if the rules let this machine see it.
std::optional<Page> board_at(const plan::Config& config, const plan::Listener& listener) {
  const bool has_board = listener.role == plan::Role::forward ? config.board == plan::Board::forward
                                                              : plan::is_board(config, listener);
  const bool seen =
      has_board && plan::is_seen_locally(config, listener, listener.address, plan::machine_of(config, {}));
  return seen ? std::optional{Page{"/doctor", ""}} : std::nullopt;
}

}  // namespace

std::string read_configured(std::string_view file, Wanted page, ProxyAddress& proxy, std::string& path) {
  const std::string name{file};
  const std::array<const char*, 2> arguments{"--config", name.c_str()};
  const config::CommandLine line = config::parse_command_line(arguments);
  if (line.what == config::CommandLine::What::wrong) return line.message;
  using Find = std::optional<Page> (*)(const plan::Config&, const plan::Listener&);
  std::vector<Find> finds{board_at};
  if (page == Wanted::doctor) finds.insert(finds.begin(), route_at);
  for (const Find find : finds)
    for (const plan::Listener& listener : line.config.listeners) {
      const sys::Address address = sys::reached_locally(listener.address);
      if (listener.proxy_header_in || address.port == 0) continue;
      const std::optional<Page> found = find(line.config, listener);
      if (!found) continue;
      proxy.addresses = {address};
      proxy.name = sys::endpoint_text(address).view();
      proxy.host = found->host;
      path = found->path;
      return {};
    }
  return name + ": no listener with a fixed port serves " +
         (page == Wanted::board ? "the board" : "the page of the doctor") +
         " to this machine: give [ADDRESS:]PORT instead";
}

}  // namespace ask
