// Reads a record file from the disk.
#pragma once
#include <cstddef>
#include <string>

namespace replay {

// 1 GiB: about 60 million steps. The file and its entries take twice as much memory.
inline constexpr std::size_t kFileMax = std::size_t{1} << 30U;

// Reads a regular file of at most kFileMax bytes, or an inherited pipe, into `out`. Returns an error message
// that names the file and says what to do; empty: success.
std::string read_input(const std::string& path, std::string& out);

}  // namespace replay
