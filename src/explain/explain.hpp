// `proxy explain METHOD URL`: the whole decision about a request, without sending anything to its host.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "../net/name_source.hpp"
#include "../plan/config.hpp"
#include "../plan/router.hpp"

namespace explain {

struct Question {
  std::string method, url;
  std::vector<std::string> fields;               // "Name: value" each
  sys::Address client = sys::loopback4(50'000);  // who asks
};

// `arguments` behind "explain": options of the proxy, --client ADDRESS, -H FIELD, METHOD, URL. What is for
// the proxy itself is left in `rest`. Empty, or what is wrong.
std::string read_question(std::span<const char* const> arguments, Question& question,
                          std::vector<const char*>& rest);

// What a host's name leads to; `why` if to nothing.
struct Found {
  net::Addresses addresses;
  base::Reason why = base::Reason::none;
};
using LookUp = Found (*)(const plan::Config& config, const http::Authority& host);

// The decision, as text for a terminal.
std::string explain(const plan::Config& config, const Question& question, LookUp look_up);

// Looks a name up and waits for it, as long as the proxy would.
Found look_up(const plan::Config& config, const http::Authority& host);

}  // namespace explain
