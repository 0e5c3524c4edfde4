// The names of what the numbers in a trace stand for: those of this program, or those in a recording of
// another version.
#pragma once
#include <array>
#include <span>

#include "../base/text.hpp"

namespace watch {

// Lists of names; the number is the index. Numbers of trace events, states and calls keep their meaning in
// later versions, and new ones follow. The others can change: only the names say what they mean.
struct TraceNames {
  using List = std::span<const std::string_view>;

  List trace_events;  // of base::TraceEvent: "turn_began"
  List states;        // of State: "READ_REQUEST"
  List events;        // of Event: "forwarded"
  List waits;         // of plan::Wait; completes "waiting for ..."
  List reasons;       // of base::Reason: "idle-timeout"
  List calls;         // of sys::Call, as in the manual: "recv"
  List error_names;   // of errno: "ECONNRESET"
  List error_texts;   // the same: "Connection reset by peer"
  List findings;      // of watch::Finding: "slow-turn"
};

// The lists, with the names that they have in a record file.
struct NameRow {
  std::string_view name;
  TraceNames::List TraceNames::*list;
};
inline constexpr std::size_t kNameLists = 9;
inline constexpr std::array<NameRow, kNameLists> kNameRows{{{"trace_event", &TraceNames::trace_events},
                                                            {"state", &TraceNames::states},
                                                            {"event", &TraceNames::events},
                                                            {"wait", &TraceNames::waits},
                                                            {"reason", &TraceNames::reasons},
                                                            {"call", &TraceNames::calls},
                                                            {"error_name", &TraceNames::error_names},
                                                            {"error_text", &TraceNames::error_texts},
                                                            {"finding", &TraceNames::findings}}};

// The names of this program. The first call builds the lists.
const TraceNames& built_in_names();

// The name; empty if the list has none.
inline std::string_view name_in(TraceNames::List list, std::size_t number) noexcept {
  return number < list.size() ? list[number] : std::string_view{};
}

// Writes the name; if the list has none, the number after "?".
base::Writer& put_name(base::Writer& out, TraceNames::List list, std::size_t number) noexcept;

}  // namespace watch
