// What `proxy top` shows, as lines of text: a function of what is known and of what was chosen.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "board.hpp"
#include "canvas.hpp"
#include "json_members.hpp"

namespace ask {

// All that is known about the proxy.
struct Known {
  Board board{};
  Members hello{};        // /console/hello.json; empty: not asked yet
  Members findings{};     // /console/findings.json
  Members slot{};         // /console/slot/N
  std::string problem{};  // why there is no answer at the moment; empty: there is
};

// What is shown of it.
struct View {
  std::string proxy{};  // "port 8080"
  std::size_t columns = 80, rows = 24;
  Colours colours = Colours::none;
  bool utf8 = false;
  bool paused = false;
  bool help = false;
  bool open = false;    // the chosen slot is shown with its endpoints and lanes
  bool chosen = false;  // `slot` was chosen; otherwise it is the one that waits longest
  std::uint32_t slot = 0;
};

// The slot that is shown; false: none.
bool shown_slot(const Known& known, const View& view, std::uint32_t& slot);
// The number of cells in a row of the grid.
std::size_t grid_width(const View& view) noexcept;

// The screen: at most view.rows lines of at most view.columns columns.
std::vector<std::string> draw_screen(const Known& known, const View& view, std::string_view notice);
// All of it as lines for other programs: sentences, then a table of the connections.
std::string draw_once(const Known& known, const View& view, std::string_view notice);

}  // namespace ask
