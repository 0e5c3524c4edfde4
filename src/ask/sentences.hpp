// The sentences and figures of `proxy top`.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "screen.hpp"

namespace ask {

// "8.2 s"; "812 B", "16.0 KiB".
std::string duration(std::uint64_t ms);
std::string bytes(std::uint64_t count);

// What the cell's record waits for, as state::write_diagnosis has it.
std::string diagnosis(const Board& board, const console::Cell& cell);
// One sentence about the connection that waits longest.
std::string headline(const Known& known);
// Says that the proxy is another version or another build than this program, of these; empty: it is not.
std::string version_notice(const Members& hello, std::string_view version, std::string_view build);
// How many slots are in use.
std::string slots_sentence(const console::CellsHead& head);
// What the event loop did in the last second.
std::string loop_sentence(const Board& board);
// The findings that last: "spin (error): The event loop made ...".
std::vector<std::string> lasting_findings(const Members& findings);
// How many they are.
std::string findings_sentence(const Known& known);
// Name, number of records, and how often it is entered: "SEND_REQUEST      12  3.1/s".
std::string state_figures(const Board& board, State state);
// "live" or "paused", and whether the proxy is shutting down.
std::string status(const Known& known, const View& view);

// Of /console/slot/N: an endpoint ("client." in front of its members), a lane ("request_lane."), the request.
std::string endpoint(const Members& members, const std::string& front);
std::string lane(const Members& members, const std::string& front);
std::string request_line(const Members& members);

}  // namespace ask
