// The rows of the answer of `proxy explain`: a name and a value each.
#pragma once
#include <string>
#include <string_view>

#include "asked.hpp"

namespace explain {

struct Rows {
  void add(std::string_view name, const std::string& value);
  // The client, and what it asks for. `host`: as the request names it.
  void add_request(const Asked& asked, const http::Authority& host);
  // The status and the sentence of an error response.
  void add_refusal(base::Reason reason);
  // That the question names no user, if the rules depend on it and there is --users.
  void add_unknown_user(const Asked& asked);
  // Those that hold for such requests. `route`: of a web server; null: none. `upstream`: also those of the
  // connection to the next server.
  void add_timeouts(const Asked& asked, const plan::WebRoute* route, bool upstream);
  // What is changed in the head by this form, as http::write_request does it.
  void add_changes(const Asked& asked, http::Form form);

  std::string text;
};

// "127.0.0.1:8081, web server".
std::string listener_text(const plan::Config& config, const plan::Listener& listener);
// The user of the question; `otherwise`: what is known about the user if the question names none.
plan::Requester requester(const Question& question, plan::Requester::What otherwise);
// The rule of the verdict, and what it says.
std::string rule_text(const plan::Rules& rules, const plan::Verdict& verdict);

}  // namespace explain
