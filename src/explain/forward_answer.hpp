// What `proxy explain` says about a request to the forward proxy.
#pragma once
#include "asked.hpp"
#include "explain.hpp"

namespace explain {

// REQUIRES: a listener of the forward proxy.
std::string forward_answer(const Asked& asked, LookUp look_up);

}  // namespace explain
