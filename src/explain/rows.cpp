#include "rows.hpp"

#include <array>

#include "../config/options.hpp"
#include "../http/reply.hpp"
#include "../http/status.hpp"

namespace explain {

using std::string;
using std::string_view;

void Rows::add(string_view name, const string& value) {
  text += string{name} + string(name.size() < 12 ? 12 - name.size() : 1, ' ') + value + '\n';
}

void Rows::add_request(const Question& question, const http::RequestHead& head, const http::Authority& host) {
  add("client", string{sys::ip_text(question.client).view()});
  add("method", string{head.method});
  add("host", string{host.host} + ", port " + std::to_string(host.port));
  if (head.form != http::TargetForm::authority) add("path", string{head.path.empty() ? "/" : head.path});
}

void Rows::add_refusal(base::Reason reason) {
  const http::ErrorReply& reply = http::error_reply(reason);
  add("refused", std::to_string(reply.status) + " " + string{http::phrase(reply.status)} + ", " +
                     string{base::row(reason).name} + ": " + string{reply.sentence});
}

void Rows::add_timeouts(const plan::Config& config, const plan::Listener& listener,
                        const plan::WebRoute* route) {
  for (const plan::WaitRow& wait : plan::kDeadlineRows) {
    const std::uint32_t ms = plan::timeout_ms(config, listener, route, wait.wait);
    add("timeout", (ms == 0 ? "none" : config::seconds_text(ms) + " s") + " for " + string{wait.what});
  }
}

string rule_text(const plan::Rules& rules, const plan::Verdict& verdict) {
  constexpr std::array<string_view, 3> kWords{"allowed: ", "denied: ", "depends on the address: "};
  return string{kWords[static_cast<std::size_t>(verdict.decision)]} + string{rules.text(verdict)};
}

}  // namespace explain
