// gzip (RFC 1952), made as it is sent. `gzip.cpp` is zlib; `nogzip.cpp` is linked where that is missing.
#pragma once
#include <memory>

#include "../base/body_source.hpp"

namespace files {

[[nodiscard]] bool has_gzip() noexcept;

// What `plain` brings, in gzip; `level` is from 1 to 9. Null, and `plain` stays, if this build has no zlib or
// there is no memory: it needs about 300 KiB. The same bytes always give the same bytes. `ticket` is kept as
// long as the feed.
std::unique_ptr<base::BodySource> make_gzip(std::unique_ptr<base::BodySource>& plain, int level,
                                            std::shared_ptr<void> ticket);

}  // namespace files
