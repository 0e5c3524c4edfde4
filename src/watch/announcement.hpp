// The messages that the proxy prints when it starts: its listeners, their roles and what to do next.
#pragma once
#include "../net/acceptors.hpp"
#include "../plan/config.hpp"
#include "../plan/this_machine.hpp"

namespace watch {

// Returns a line about the mistake that was built into the program on purpose; empty: there is none.
std::string mistake_notice();

// Returns a line about the lens if there is one, one line for each listener with another role than forward
// proxy, then one for the forward proxy, which also says how to stop it, and where a browser on this machine
// sees the board if the rules let it. REQUIRES: `acceptors` are those of `config`.
std::vector<std::string> announcement(const plan::Config& config, const net::Acceptors& acceptors,
                                      const plan::ThisMachine& machine);

// Returns the addresses as text: "127.0.0.1:8080 and [::1]:8080".
std::string list(std::span<const sys::Address> addresses);

}  // namespace watch
