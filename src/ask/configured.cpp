#include "configured.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "../base/text.hpp"
#include "../config/command_line.hpp"
#include "../plan/board.hpp"
#include "../sys/sys.hpp"

namespace ask {
namespace {

// The path of the page there; nothing: the listener does not serve it.
std::optional<std::string> path_at(const plan::Config& config, const plan::Listener& listener, Wanted page) {
  if (listener.proxy_header_in) return std::nullopt;
  const bool has_board = listener.role == plan::Role::forward ? config.board == plan::Board::forward
                                                              : plan::is_board(config, listener);
  if (has_board) return "/doctor";
  if (page == Wanted::board || listener.role != plan::Role::web) return std::nullopt;
  for (const std::size_t site : listener.sites)
    for (const plan::WebRoute& route : config.sites[site].routes)
      if (route.kind == plan::RouteKind::doctor) return route.prefix;
  return std::nullopt;
}

}  // namespace

bool is_configuration(std::string_view argument) {
  return !base::all_are(argument, base::kDigit) &&
         sys::path_kind(std::string{argument}.c_str()) == sys::PathKind::file;
}

std::string read_configured(std::string_view file, Wanted page, Place& place, std::string& path) {
  const std::string name{file};
  const std::array<const char*, 2> arguments{"--config", name.c_str()};
  const config::CommandLine line = config::parse_command_line(arguments);
  if (line.what == config::CommandLine::What::wrong) return line.message;
  for (const plan::Listener& listener : line.config.listeners) {
    const std::optional<std::string> found = path_at(line.config, listener, page);
    const sys::Address address = sys::reached_locally(listener.address);
    if (!found || address.port == 0) continue;
    place.addresses = {address};
    place.name = sys::endpoint_text(address).view();
    path = *found;
    return {};
  }
  return name + ": no listener with a fixed port serves " +
         (page == Wanted::board ? "the board" : "the page of the doctor") + ": give [ADDRESS:]PORT instead";
}

}  // namespace ask
