// The rows of the answer of `proxy explain`: a name and a value each.
#pragma once
#include <string>
#include <string_view>

#include "../plan/config.hpp"
#include "question.hpp"

namespace explain {

struct Rows {
  void add(std::string_view name, const std::string& value);
  // The client, and what it asks for. `host`: as the request names it.
  void add_request(const Question& question, const http::RequestHead& head, const http::Authority& host);
  // The status and the sentence of an error response.
  void add_refusal(base::Reason reason);
  // Those that hold for such requests. `route`: of a web server; null: none.
  void add_timeouts(const plan::Config& config, const plan::Listener& listener, const plan::WebRoute* route);

  std::string text;
};

// The rule of the verdict, and what it says.
std::string rule_text(const plan::Rules& rules, const plan::Verdict& verdict);

}  // namespace explain
