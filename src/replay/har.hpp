// The requests of a recording as an HTTP archive (HAR 1.2), without headers and bodies.
//
// http://www.softwareishard.com/blog/har-12-spec/
#pragma once
#include "../record/recording.hpp"
#include "output.hpp"
#include "selection.hpp"

namespace replay {

// Writes the requests that could be parsed and whose note is in the selected range, as one JSON object. The
// recording has no headers, queries and bodies: their sizes are -1, their lists empty.
void write_har(const record::Recording& recording, const Selection& selection, Output& out);

}  // namespace replay
