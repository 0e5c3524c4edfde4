// `proxy explain METHOD URL`: prints every decision about a request without sending anything to its host.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../net/name_source.hpp"
#include "../plan/config.hpp"
#include "../plan/router.hpp"

namespace explain {

struct Question {
  std::string method, url;
  std::vector<std::string> fields;               // "Name: value" each
  sys::Address client = sys::loopback4(50'000);  // the client's address
  plan::Networks machine;                        // addresses of this machine
  std::string user;                              // of --users; empty: not known
  bool help = false;                             // only the help is wanted
};

// Parses `arguments` after "explain": options of the proxy, --client ADDRESS, --user NAME, -H FIELD, METHOD,
// URL; or --help, and nothing after it is read. Leaves the proxy's options in `rest`. Returns the error, also
// for blanks and control characters in METHOD, URL or FIELD; empty: none.
std::string read_question(std::span<const char* const> arguments, Question& question,
                          std::vector<const char*>& rest);
// What --help prints.
std::string_view help_text() noexcept;

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
