// The requests of a recording as an HTTP archive (HAR 1.2), without headers and bodies.
//
// http://www.softwareishard.com/blog/har-12-spec/
#pragma once
#include "../record/recording.hpp"
#include "output.hpp"
#include "selection.hpp"

namespace replay {

// Writes one JSON object with the requests whose note is in the selected range. A request that could not be
// parsed is left out. Headers, queries and bodies are not recorded: their sizes are -1, their lists empty.
void write_har(const record::Recording& recording, const Selection& selection, Output& out);

}  // namespace replay
