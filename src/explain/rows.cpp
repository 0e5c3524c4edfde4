#include "rows.hpp"

#include <algorithm>
#include <array>

#include "../config/options.hpp"
#include "../http/reply.hpp"
#include "../http/status.hpp"
#include "../plan/description.hpp"
#include "changes.hpp"

namespace explain {

using std::string;
using std::string_view;

void Rows::add(string_view name, const string& value) {
  text += string{name} + string(name.size() < 12 ? 12 - name.size() : 1, ' ') + value + '\n';
}

void Rows::add_request(const Asked& asked, const http::Authority& host) {
  add("client", string{sys::ip_text(asked.question.client).view()});
  add("method", string{asked.head.method});
  if (!host.host.empty()) add("host", string{host.host} + ", port " + std::to_string(host.port));
  if (asked.head.form != http::TargetForm::authority)
    add("path", string{asked.head.path.empty() ? "/" : asked.head.path});
}

void Rows::add_refusal(base::Reason reason) {
  const http::ErrorReply& reply = http::error_reply(reason);
  add("refused", std::to_string(reply.status) + " " + string{http::phrase(reply.status)} + ", " +
                     string{base::row(reason).name} + ": " + string{reply.sentence});
}

void Rows::add_unknown_user(const Asked& asked) {
  const bool has_users = !asked.config.users_files.front().empty() && asked.config.rules.have_users();
  if (has_users && asked.question.user.empty())
    add("user", "not known: the rule shown is for the user that the rules treat best; use --user NAME");
}

void Rows::add_timeouts(const Asked& asked, const plan::WebRoute* route, bool upstream) {
  using plan::Wait;
  constexpr std::array kOfClient{Wait::idle,         Wait::keep_alive,   Wait::request_head,
                                 Wait::request_body, Wait::client_write, Wait::linger};
  for (const plan::WaitRow& wait : plan::kDeadlineRows) {
    if (!upstream && std::find(kOfClient.begin(), kOfClient.end(), wait.wait) == kOfClient.end()) continue;
    const std::uint32_t ms = plan::timeout_ms(asked.config, asked.listener, route, wait.wait);
    add("timeout", (ms == 0 ? "none" : config::seconds_text(ms) + " s") + " for " + string{wait.what});
  }
}

void Rows::add_changes(const Asked& asked, http::Form form) {
  if (!form.credentials.empty()) form.credentials = "(of --parent)";
  if (asked.config.request_id) form.request_id = "(a new one for each request)";
  http::HeadRoom room;
  const std::size_t length = http::write_request(asked.head, {asked.config.name, ""}, form, room);
  if (length == 0) return add_refusal(base::Reason::head_too_large);
  text += "\nChanges to the request head (- received, + forwarded):\n" +
          changes(asked.text, {room.data(), length}, form.edits);
}

string listener_text(const plan::Config& config, const plan::Listener& listener) {
  return string{sys::endpoint_text(listener.address).view()} + ", " + plan::description(config, listener);
}

plan::Requester requester(const Question& question, plan::Requester::What otherwise) {
  using What = plan::Requester::What;
  return question.user.empty() ? plan::Requester{otherwise} : plan::Requester{What::known, question.user};
}

string rule_text(const plan::Rules& rules, const plan::Verdict& verdict) {
  constexpr std::array<string_view, 3> kWords{"allowed: ", "denied: ", "depends on the address: "};
  // Built-in rules only deny.
  const string_view words = verdict.by == plan::Verdict::By::built_in
                                ? "denied by a built-in rule: "
                                : kWords[static_cast<std::size_t>(verdict.decision)];
  return string{words} + string{rules.text(verdict)};
}

}  // namespace explain
