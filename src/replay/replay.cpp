#include "replay.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"
#include "chrome.hpp"
#include "har.hpp"
#include "text.hpp"

namespace replay {
namespace {

using std::string;
using std::string_view;

string read_slot(string_view value, Request& request) {
  std::uint32_t slot = 0;
  if (!base::parse_decimal(value, slot))
    return "--slot: " + base::quoted(value) + " is not the number of a slot, e.g. 3";
  request.slot = slot;
  request.selects = true;
  return {};
}

string read_format(string_view value, Request& request) {
  constexpr std::array<string_view, 3> kFormats{"text", "chrome", "har"};
  const auto* const found = std::find(kFormats.begin(), kFormats.end(), value);
  if (found == kFormats.end())
    return "--format: " + base::quoted(value) + " is not a format: expected text, chrome or har";
  request.format = static_cast<Format>(found - kFormats.begin());
  return {};
}

string read_port(string_view value, Request& request) {
  if (base::parse_decimal(value, request.port)) return {};
  return "--port: " + base::quoted(value) + " is not a port: expected 1 to 65535, or 0 for a free one";
}

// An option with a value.
string read_value(string_view name, string_view value, Request& request) {
  if (name == "--slot") return read_slot(value, request);
  if (name == "--format") return read_format(value, request);
  if (name == "--port") return read_port(value, request);
  Moment& moment = name == "--from" ? request.from : name == "--to" ? request.to : request.at;
  request.table = request.table || name == "--at";
  request.selects = true;
  if (parse_moment(value, moment)) return {};
  return string{name} + ": " + base::quoted(value) +
         " is not a position such as 48213, nor a time before the end such as -1.5s or -200ms";
}

bool takes_value(string_view name) {
  constexpr std::array<string_view, 6> kNames{"--slot", "--from", "--to", "--at", "--format", "--port"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

string read_flag(string_view argument, Request& request) {
  if (argument == "--calls" || argument == "-vv")
    request.calls = request.selects = true;
  else if (argument == "--text")
    request.format = Format::text;
  else
    return "replay: unknown option " + base::quoted(argument) +
           ": expected --port, --text, --calls, --slot, --from, --to, --at or --format";
  return {};
}

string read_path(string_view argument, Request& request) {
  if (!request.path.empty()) return "replay: expected one file, got " + base::quoted(argument) + " too";
  request.path = argument;
  return {};
}

// In the range of a recording, and `to` not before `from`.
Selection selection_of(const record::Recording& recording, const Request& request) {
  const std::uint64_t end = recording.first + recording.entries.size();
  Selection selection{.slot = request.slot, .calls = request.calls};
  selection.from = position_of(request.from, recording);
  selection.to = request.to.before_end && request.to.value == 0 ? end : position_of(request.to, recording);
  selection.to = std::max(selection.to, selection.from);
  return selection;
}

// Returns whether the output was cut.
bool write_as(const record::Recording& recording, const Request& request, Output& out) {
  const Selection selection = selection_of(recording, request);
  if (request.format == Format::chrome) return !write_chrome(recording, selection, out);
  if (request.format == Format::har) {
    write_har(recording, selection, out);
    return false;
  }
  write_summary(recording, out);
  if (!request.table) {
    write_text(recording, selection, out);
    return false;
  }
  Timeline timeline{recording};
  write_table(recording, timeline.at(position_of(request.at, recording)), selection, out);
  return false;
}

}  // namespace

string read_request(std::span<const char* const> arguments, Request& request) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const string_view argument = arguments[i];
    const std::size_t equals = argument.find('=');
    const string_view name = argument.substr(0, equals);
    string error;
    if (argument == "--help" || argument == "-h") {
      request.help = true;
      return {};
    }
    if (takes_value(name)) {
      if (equals == string_view::npos && i + 1 == arguments.size()) return string{name} + " needs a value";
      error = read_value(name, equals == string_view::npos ? arguments[++i] : argument.substr(equals + 1),
                         request);
    } else if (argument.size() > 1 && argument.front() == '-') {
      error = read_flag(argument, request);
    } else {
      error = read_path(argument, request);
    }
    if (!error.empty()) return error;
  }
  if (request.path.empty()) return "replay needs a record file, e.g. proxy replay proxy.pxr";
  if (request.format == Format::board && request.selects) request.format = Format::text;
  if (request.table && request.format != Format::text)
    return "--at prints the table as text: omit --format, or use --from and --to";
  return {};
}

string_view help_text() noexcept {
  return "Usage: proxy replay [OPTION]... FILE\n"
         "Shows a record file (.pxr) in a browser: prints the address of a board, until Ctrl-C. With other\n"
         "options, prints the steps of the event loop, or the table of records at a moment.\n\n"
         "  --port PORT               of the board (default 0, a free one)\n"
         "  --text                    print the steps\n"
         "  --calls, -vv              also turns, events and system calls\n"
         "  --slot N                  only the steps of slot N\n"
         "  --from POSITION           the first step\n"
         "  --to POSITION             the end; the step there is not included\n"
         "  --at POSITION             print the table before the step there\n"
         "  --format text|chrome|har  chrome: for Perfetto; har: the requests as an HTTP archive\n\n"
         "POSITION is the number in front of a step, or a time before the end: -1.5s, -200ms.\n"
         "Example: kill -USR2 a proxy with --record-dir FOLDER, then: proxy replay FOLDER/proxy-....pxr\n"
         "Exit status: 0 if the file is whole, 1 if it is damaged or cannot be read, 2 for wrong usage.\n";
}

string write_recording(const record::Recording& recording, const Request& request, Output& out) {
  const bool cut = write_as(recording, request, out);
  if (cut) return "the output is cut at 200 MB: select less with --from, --to or --slot";
  if (!recording.damage.empty())
    return request.path + ": damaged, printed as far as it is whole: " + recording.damage;
  return {};
}

}  // namespace replay
