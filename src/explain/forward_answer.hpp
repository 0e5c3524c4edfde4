// What `proxy explain` says about a request to the forward proxy.
#pragma once
#include "explain.hpp"

namespace explain {

// REQUIRES: `listener` is one of the forward proxy; `text` is the head, and `head` what was parsed from it.
std::string forward_answer(const plan::Config& config, const plan::Listener& listener,
                           const Question& question, std::string_view text, const http::RequestHead& head,
                           LookUp look_up);

}  // namespace explain
