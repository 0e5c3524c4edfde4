// `proxy replay FILE`: shows a record file (.pxr) in a browser, or prints it.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "clock.hpp"
#include "output.hpp"
#include "selection.hpp"

namespace replay {

// `board`: in a browser; the others are printed.
enum class Format : std::uint8_t { text, chrome, har, board };

// The command line.
struct Request {
  std::string path{};
  Format format = Format::board;
  std::uint16_t port = 0;               // of the board; 0: any free one
  bool calls = false;                   // also turns, events and system calls
  std::optional<std::uint32_t> slot{};  // none: all
  Moment from{}, to{.before_end = true}, at{};
  bool table = false;    // the table at `at` in place of the entries
  bool selects = false;  // an option is about what is printed
  bool help = false;     // only the help is wanted
};

// Parses `arguments` after "replay". Returns the error; empty: none.
std::string read_request(std::span<const char* const> arguments, Request& request);

// What --help prints.
std::string_view help_text() noexcept;

// Writes what is asked for. REQUIRES: a format other than `board`. Returns what is wrong, for standard error:
// the file is damaged, or the output was cut or failed; empty: nothing.
std::string write_recording(const record::Recording& recording, const Request& request, Output& out);

}  // namespace replay
