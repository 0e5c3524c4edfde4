// A recording as text.
#pragma once
#include "output.hpp"
#include "selection.hpp"
#include "timeline.hpp"

namespace replay {

// Writes what the recording is, as lines that begin with "#".
void write_summary(const record::Recording& recording, Output& out);
// Writes each selected entry as a line: the seconds from its turn to the end of the recording, its position,
// and the words of -v.
void write_text(const record::Recording& recording, const Selection& selection, Output& out);
// Writes the table of records as a line for each of the selected slots.
void write_table(const record::Recording& recording, const Table& table, const Selection& selection,
                 Output& out);

}  // namespace replay
