// How clients share what there is a fixed number of: connections, buffer blocks, DNS queries.
//
// A client alone may use everything. While another client waits, each may have at most as many as are still
// free. This is the dynamic threshold with factor 1 of Choudhury and Hahne, "Dynamic Queue Length Thresholds
// for Shared-Memory Packet Switches", IEEE/ACM Transactions on Networking 6(2), 1998. It needs no option:
// with n greedy clients each has 1/(n+1) of all, and 1/(n+1) stays free for the next one.
#pragma once
#include <cstddef>

namespace base {

// True if a client that holds `held` may take one more of the `free` ones.
constexpr bool may_take(std::size_t held, std::size_t free, bool others_wait) noexcept {
  return others_wait ? held < free : free > 0;
}

// Nothing is free: true if a client that holds `held` must return one, so that a client that waits and holds
// `of_waiting` can have it. After that the first client still holds at least as many as the second.
constexpr bool must_return(std::size_t held, std::size_t of_waiting) noexcept {
  return held > of_waiting + 1;
}

}  // namespace base
