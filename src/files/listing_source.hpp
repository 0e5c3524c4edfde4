// The response body that is the page of a directory. It holds no rows, only the place where the client is.
#pragma once
#include <memory>

#include "../base/body_source.hpp"
#include "listings.hpp"

namespace files {

// `now`: ms. REQUIRES: `listings` outlives the body source.
std::unique_ptr<base::BodySource> make_listing_source(Listings& listings, ListedFolder folder,
                                                      std::uint64_t now);

}  // namespace files
