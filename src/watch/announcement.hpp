// What the proxy says of itself when it begins: where it listens, as what, and what to do next.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "../net/acceptors.hpp"
#include "../plan/config.hpp"
#include "../sys/address.hpp"

namespace watch {

// A line for each listener that is no forward proxy, and a last one, which tells how to stop it. REQUIRES:
// `listeners` are those of `config`.
std::vector<std::string> announcement(const plan::Config& config, const net::Acceptors& listeners);

// "127.0.0.1:8080 and [::1]:8080".
std::string list(std::span<const sys::Address> addresses);

}  // namespace watch
