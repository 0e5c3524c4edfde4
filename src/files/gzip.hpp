// gzip (RFC 1952) while sending. `gzip.cpp` uses zlib; builds without it link `nogzip.cpp`.
#pragma once
#include <memory>

#include "../base/body_source.hpp"

namespace files {

[[nodiscard]] bool has_gzip() noexcept;

// Compresses `plain` at `level` 1 to 9, deterministically. Returns null, and leaves `plain`, without zlib or
// without memory (about 300 KiB). The body source holds `ticket` until it is destroyed.
std::unique_ptr<base::BodySource> make_gzip(std::unique_ptr<base::BodySource>& plain, int level,
                                            std::shared_ptr<void> ticket);

}  // namespace files
