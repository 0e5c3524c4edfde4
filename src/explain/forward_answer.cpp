#include "forward_answer.hpp"

#include "../http/rewrite.hpp"
#include "../http/status.hpp"
#include "../plan/router.hpp"
#include "board_row.hpp"
#include "changes.hpp"
#include "rows.hpp"

namespace explain {
namespace {

using base::Reason;
using std::string;
using std::string_view;

class ForwardAnswer {
 public:
  ForwardAnswer(const plan::Config& config, const plan::Listener& listener, const Question& question,
                const http::RequestHead& head, LookUp look_up)
      : config_(config), listener_(listener), question_(question), head_(head), look_up_(look_up) {}

  string write(string_view text) {
    rows_.add_request(question_, head_, head_.authority);
    excused_ = config_.rules.excuse(asked());
    const BoardRow board =
        board_row(config_, listener_, head_, question_.client, question_.machine, user(),
                  plan::plan_request(config_, listener_, head_, question_.client, question_.machine, user()));
    const plan::Plan& decided = board.plan;
    if (!board.text.empty()) rows_.add("board", board.text);
    if (decided.kind == plan::Kind::board) {
      write_password(decided.users == plan::kExcused, 401);
      rows_.add("route", "the board");
      return rows_.text;
    }
    rows_.add("rule", rule_text(config_.rules, config_.rules.before_lookup(asked())));
    if (decided.kind == plan::Kind::refuse) return refused(decided.reason);
    write_password(decided.users == plan::kExcused, 407);
    write_user(decided.users == plan::kExcused);
    rows_.add("route", decided.kind == plan::Kind::tunnel  ? "tunnel, forwarded unread"
                       : decided.kind == plan::Kind::reply ? "answered by the proxy: the last hop"
                                                           : "forwarded");
    if (decided.kind == plan::Kind::reply) return rows_.text;
    write_parent();
    if (decided.parent == nullptr) write_addresses();
    rows_.add_timeouts(config_, listener_, nullptr);
    if (decided.kind == plan::Kind::forward) write_changes(text, decided.parent);
    return rows_.text;
  }

 private:
  string refused(Reason reason) {
    rows_.add_refusal(reason);
    return rows_.text;
  }

  [[nodiscard]] plan::Requester user() const {
    using What = plan::Requester::What;
    if (!question_.user.empty()) return {What::known, question_.user};
    return {excused_ ? What::excused : What::unknown};
  }

  [[nodiscard]] plan::AccessRequest asked() const {
    return {question_.client, head_.authority.host, head_.authority.port,
            head_.method,     question_.machine,    user()};
  }

  // `status`: of the response without a password.
  void write_password(bool excused, int status) {
    const string& file = config_.users_files.front();
    if (file.empty()) return;
    rows_.add("password", excused ? "not required, by user=none"
                                  : "required (--users " + file + "), otherwise " + std::to_string(status));
  }

  void write_user(bool excused) {
    if (!config_.users_files.front().empty() && !excused && question_.user.empty() &&
        config_.rules.have_users())
      rows_.add("user",
                "not known: the rule shown is for the user that the rules treat best; use --user NAME");
  }

  // A parent resolves the host, so no addresses are known.
  void write_parent() {
    using Why = plan::Way::Why;
    const plan::Way way = plan::way_to(config_, head_.authority.host, head_.authority.port);
    switch (way.why) {
      case Why::none: return;
      case Why::this_machine: return rows_.add("parent", "none: this machine is always reached directly");
      case Why::no_parent: return rows_.add("parent", "none: the host is in --no-parent");
      case Why::no_row: return rows_.add("parent", "none: no --parent is for this host");
      case Why::row: break;
    }
    const string& text = way.row->text;
    rows_.add("parent", text.substr(0, way.row->is_default() ? text.size() : text.rfind('=')) +
                            (way.row->is_default() ? ", for all other hosts" : ", by --parent " + text));
  }

  void write_addresses() {
    const Found found = look_up_(config_, head_.authority);
    if (found.why != Reason::none) {
      rows_.add("addresses", "none: " + string{http::error_reply(found.why).sentence});
      return;
    }
    for (const sys::Address& address : found.addresses.list()) {
      const plan::Verdict verdict = config_.rules.for_address(asked(), address);
      const bool denied = verdict.decision == plan::Decision::deny;
      rows_.add("address", string{sys::endpoint_text(address).view()} +
                               (denied ? ", denied: " : ", allowed: ") + string{config_.rules.text(verdict)});
    }
  }

  void write_changes(string_view text, const plan::Parent* parent) {
    http::Form form = http::request_form(head_, config_.http10 ? http::Version::http10 : head_.version,
                                         plan::upgrade_protocols(config_));
    form.absolute = parent != nullptr && parent->kind == plan::Parent::Kind::http;
    form.via = config_.via;
    if (config_.request_id) form.request_id = kNewId;
    http::HeadRoom room;
    const std::size_t length = http::write_request(head_, {config_.name, ""}, form, room);
    if (length == 0) return rows_.add_refusal(Reason::head_too_large);
    rows_.text +=
        "\nChanges to the request head (- received, + forwarded):\n" + changes(text, {room.data(), length});
  }

  const plan::Config& config_;
  const plan::Listener& listener_;
  const Question& question_;
  const http::RequestHead& head_;
  LookUp look_up_;
  bool excused_ = false;
  Rows rows_;
};

}  // namespace

string forward_answer(const plan::Config& config, const plan::Listener& listener, const Question& question,
                      string_view text, const http::RequestHead& head, LookUp look_up) {
  return ForwardAnswer{config, listener, question, head, look_up}.write(text);
}

}  // namespace explain
