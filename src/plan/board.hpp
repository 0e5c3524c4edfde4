// Decides which requests are for the board, and which clients may see it. docs/board.md describes the rules.
#pragma once
#include <array>

#include "config.hpp"
#include "plan.hpp"
#include "this_machine.hpp"

namespace plan {

// The listener serves the board and nothing else.
bool is_board(const Config& config, const Listener& listener) noexcept;

// What the host stands for without DNS: up to two addresses, none of a name other than "localhost". The owner
// of such a name could point it here (DNS rebinding). Those that are missing have the family none.
std::array<sys::Address, 2> addresses_of(const http::Authority& host) noexcept;
// The host is "localhost" or a loopback address.
bool is_loopback(const http::Authority& host) noexcept;

// Whether the client may see the board by this request, which is for it.
enum class BoardAccess : std::uint8_t {
  open,
  passed_on,    // another proxy has passed it on: its client can be on another machine
  denied,       // the rules deny it, or the client is on another machine and no rule opens the board for it
  misdirected,  // its host is not localhost or an address of this machine with the port of a listener, or
                // Host names another server than the target
  other_site,   // the page of another site asks
};
BoardAccess board_access(const Config& config, const Listener& listener, const http::RequestHead& head,
                         const sys::Address& client, const ThisMachine& machine,
                         const Requester& user = {}) noexcept;

// The rules let a browser on this machine see the board of the listener. `bound`: the address of the
// listener. The user is not known.
bool is_seen_locally(const Config& config, const Listener& listener, const sys::Address& bound,
                     const ThisMachine& machine);

// Replaces `otherwise`, the plan without the board, if the request is for the board: with Kind::board, or a
// refusal. REQUIRES: a listener of role `forward` or `web`.
Plan plan_board(Plan otherwise, const Config& config, const Listener& listener, const http::RequestHead& head,
                const sys::Address& client, const ThisMachine& machine, const Requester& user = {}) noexcept;

}  // namespace plan
