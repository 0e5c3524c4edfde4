// Where the output and the access log go.
#pragma once
#include <string>

#include "../plan/config.hpp"
#include "../watch/reporter.hpp"

namespace server {

// Opens standard output, and the log's file or socket if it has one. Returns an error message; empty:
// success.
std::string open_streams(const plan::Config& config, watch::Reporter::Streams& streams);
// Returns what `open_streams` would report. Creates no file.
std::string check_streams(const plan::Config& config);

}  // namespace server
