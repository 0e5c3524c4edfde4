// `proxy top [ADDRESS:]PORT`: the board of a running proxy in a terminal.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "answer.hpp"
#include "proxy_address.hpp"
#include "screen.hpp"

namespace ask {

struct TopOptions {
  ProxyAddress proxy{};
  bool once = false;
  bool help = false;  // only the help is wanted
};

// Parses `arguments` after "top". Returns the error; empty: none.
std::string read_top(std::span<const char* const> arguments, TopOptions& options);

// What the environment says about the terminal; empty: not set.
struct Environment {
  std::string_view term{};      // TERM
  std::string_view no_color{};  // NO_COLOR (https://no-color.org)
  std::string_view locale{};    // the first that is set of LC_ALL, LC_CTYPE and LANG
};
// Sets colours and characters of the view. Returns false if the terminal cannot place its cursor.
bool adapt(View& view, const Environment& environment);

// Applies the keys that were read from a terminal. Returns false if they end the program.
bool apply_keys(std::string_view keys, const Known& known, View& view);

// `proxy top` with these arguments. On a terminal, draws until a key or a signal ends it; with --once, or if
// standard output is not a terminal, returns the page.
Answer show_top(std::span<const char* const> arguments);

}  // namespace ask
