// `proxy explain METHOD URL`: prints every decision about a request without sending anything to its host.
#pragma once
#include "../net/name_source.hpp"
#include "../plan/config.hpp"
#include "question.hpp"

namespace explain {

// Resolves a host name. Returns no address and sets `why` if that fails.
struct Found {
  net::Addresses addresses;
  base::Reason why = base::Reason::none;
};
using LookUp = Found (*)(const plan::Config& config, const http::Authority& host);

// Returns the decision as text for a terminal.
std::string explain(const plan::Config& config, const Question& question, LookUp look_up);

// Resolves a name and waits for the result, as long as the proxy would.
Found look_up(const plan::Config& config, const http::Authority& host);

}  // namespace explain
