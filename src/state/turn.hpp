// One run of a record in `advance`: the configuration that the record uses, and what it may still read.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../../request_state.hpp"
#include "../http/rewrite.hpp"
#include "../http/server_timing.hpp"
#include "../plan/generation.hpp"

// Lives on the stack of `advance`. REQUIRES: the record's configuration outlives it.
struct Turn {
  // The configuration that the record uses.
  [[nodiscard]] const plan::Config& config() const noexcept { return generation.config; }
  // The state of its groups.
  [[nodiscard]] plan::Balancer& groups() const noexcept { return *generation.groups; }
  // The users of that password file (see plan::WebRoute). Null if no password is required.
  [[nodiscard]] plan::Users* users(std::uint8_t file) const noexcept {
    return file < generation.users.size() ? generation.users[file].get() : nullptr;
  }
  // The limits of clients; null if there are none.
  [[nodiscard]] plan::ClientLimits* limits() const noexcept { return generation.limits.get(); }
  // The proxy's name in Via.
  [[nodiscard]] std::string_view via() const noexcept { return generation.config.name; }
  // What the proxy adds to each head; `date`: now.
  [[nodiscard]] http::ProxyFields hop(const request_info& record, std::string_view date) const noexcept {
    const bool web = listener(record).role == plan::Role::web;
    return {via(), date, web ? std::string_view{config().server_name} : std::string_view{}};
  }
  // The listener that the record's client has connected to.
  [[nodiscard]] const plan::Listener& listener(const request_info& record) const noexcept {
    return generation.config.listeners[record.listener];
  }

  plan::Generation& generation;       // of the record
  net::Stores stores;                 // for bodies
  std::size_t leave_for_heads;        // blocks to leave free when one is taken for a head
  std::uint64_t sent_before;          // bytes sent before this turn, both ways
  bool asleep;                        // the record reads nothing in this turn
  std::array<std::size_t, 2> budget;  // bytes that each lane may still read
  std::uint64_t charged = 0;          // bytes read in this turn on its client's account
  bool throttled = false;             // it could read more, and its client may not
  Share awaits = Share::none;         // it yields to wait for this
};

struct Worker;

// Turn::hop for a response to the client. `timing` is for its Server-Timing, and must outlive the result.
http::ProxyFields response_fields(const request_info& record, const Turn& turn, const Worker& worker,
                                  http::ServerTiming& timing) noexcept;

// Makes the record wait as `result` says, or queues it to run again. REQUIRES: `result` is wait, yield or
// need_block.
void end_turn(request_info& record, const Turn& turn, Worker& worker, const Result& result) noexcept;
