// Reads the files that the configuration names.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace config {

// Whether connections are served already: then nothing may wait.
enum class When : std::uint8_t { start, reload };

// Reads a regular file of at most `most` bytes into `out`, without a byte order mark at its start. Returns an
// error message that names the file; empty: success. Opens nothing else, as a FIFO or a device could block.
// At start, inherited pipes are read too.
std::string read_text_file(const std::string& path, std::size_t most, std::string& out, When when);

}  // namespace config
