// Reads heads into the lane's block until they are complete, and parses them.
#pragma once
#include "quota.hpp"

namespace state {

// The result of reading a head.
struct HeadRead {
  Result otherwise = again();  // what the record does if the head is not complete
  std::size_t length = 0;      // of the head, at the front of the block; 0: it is not complete

  [[nodiscard]] bool complete() const noexcept { return length != 0; }
};

// Reads the client's request head. The views in `head` refer to the lane's block.
HeadRead read_request_head(request_info& record, Turn& turn, Worker& worker,
                           http::RequestHead& head) noexcept;
// Reads the upstream's next response head, in the same way. REQUIRES: an exchange.
HeadRead read_response_head(request_info& record, Turn& turn, Worker& worker,
                            http::ResponseHead& head) noexcept;

}  // namespace state
