// The order in which clients get what only one can have at a time. A client has at most one piece of work
// ahead of another client's first one, however many it asks for.
//
// This is start-time fair queueing (Goyal, Vin and Cheng, IEEE/ACM Transactions on Networking 5(5), 1997): a
// request is ordered by its start tag, the finish tag of the client's previous request or, if that is later,
// the tag now being served. Clients that share a bucket share their turns.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace base {

class FairOrder {
 public:
  // Returns the place of a new request of the client with this number: from 1, lowest first.
  std::uint64_t place(std::uint64_t client) noexcept {
    std::uint64_t& next = next_[client % next_.size()];  // PLANT(clients-share-work)
    const std::uint64_t place = std::max(next, served_);
    next = place + 1;
    return place;
  }
  // The request with that place is being served.
  void serve(std::uint64_t place) noexcept { served_ = std::max(served_, place); }

 private:
  std::array<std::uint64_t, 1024> next_{};  // each client's next place
  std::uint64_t served_ = 1;
};

}  // namespace base
