// GET /console/names.json: what the numbers in the other pages mean.
#pragma once
#include <string>

#include "../state/diagnosis.hpp"
#include "../watch/trace_names.hpp"

namespace console {

// "client_sends", ...
std::string_view awaited_name(state::Awaited awaited) noexcept;

// A JSON object with the lists of `names`, and with this program's transitions and table of diagnoses.
std::string names_json(const watch::TraceNames& names);

}  // namespace console
