// In place of gzip.cpp, in a build without zlib.
#include "gzip.hpp"

namespace files {

bool has_gzip() noexcept { return false; }

std::unique_ptr<base::BodySource> make_gzip(
    std::unique_ptr<base::BodySource>& /*plain*/, int /*level*/,
    std::shared_ptr<void> /*ticket*/) {  // NOLINT(performance-unnecessary-value-param): as in gzip.cpp
  return nullptr;
}

}  // namespace files
