// What `proxy explain` is asked: the command line, and the request that it stands for.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../config/command_line.hpp"
#include "../plan/network.hpp"
#include "../sys/address.hpp"

namespace explain {

struct Question {
  std::string method, url;
  std::vector<std::string> fields;               // "Name: value" each
  sys::Address client = sys::loopback4(50'000);  // the client's address
  plan::Networks machine;                        // addresses of this machine
  std::string user;                              // of --users; empty: not known
  bool help = false;                             // only the help is wanted
};

// Parses `arguments` after "explain": options of the proxy, --client ADDRESS, --user NAME, -H FIELD, PORT or
// FILE of the proxy, METHOD, URL; or --help, and nothing after it is read. Leaves the proxy's options in
// `rest`. Returns the error, also for blanks and control characters in METHOD, URL or FIELD; empty: none.
std::string read_question(std::span<const char* const> arguments, Question& question,
                          std::vector<const char*>& rest);
// Parses the proxy's options. Without a file and without a forward proxy, one at any port is added.
config::CommandLine parse_options(std::vector<const char*> options);
// What --help prints.
std::string_view help_text() noexcept;

// The head that a client like curl sends: to a proxy, or to the server itself with the target in origin form
// (RFC 9112 section 3.2).
std::string head_to_proxy(const Question& question);
std::string head_to_server(const Question& question);

}  // namespace explain
