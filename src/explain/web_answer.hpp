// What `proxy explain` says about a request to a web server of the configuration.
#pragma once
#include "../plan/config.hpp"
#include "question.hpp"

namespace explain {

// REQUIRES: `listener` is a web server; `text` is the head, and `head` what was parsed from it.
std::string web_answer(const plan::Config& config, const plan::Listener& listener, const Question& question,
                       std::string_view text, const http::RequestHead& head);

}  // namespace explain
