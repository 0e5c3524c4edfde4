// A recording in the Trace Event Format of Chrome, which Perfetto and the Firefox profiler open too.
//
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
#pragma once
#include "../record/recording.hpp"
#include "output.hpp"
#include "selection.hpp"

namespace replay {

// Bytes at which the output is cut: viewers hold it in memory.
inline constexpr std::uint64_t kChromeBytesMax = 200'000'000;

// Writes the selected entries as one JSON object. Process 1 is the proxy. Thread 0 is the event loop: its
// turns, and in them the runs of records. Thread N + 1 is slot N: its connections, in them requests, states
// and waits; with EAGAIN and the entries of later versions as instants. Arrows lead from an event to the run
// of its record. Within a turn the times are interpolated. Returns false if the output was cut at about
// `bytes_max`.
bool write_chrome(const record::Recording& recording, const Selection& selection, Output& out,
                  std::uint64_t bytes_max = kChromeBytesMax);

}  // namespace replay
