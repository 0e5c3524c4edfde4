#include "forward_answer.hpp"

#include "../http/status.hpp"
#include "../plan/forwarding.hpp"
#include "../plan/router.hpp"
#include "board_row.hpp"
#include "rows.hpp"

namespace explain {
namespace {

using base::Reason;
using std::string;

std::string_view route_text(plan::Kind kind) {
  switch (kind) {
    case plan::Kind::tunnel: return "tunnel, forwarded unread";
    case plan::Kind::reply: return "a response of the proxy: it is the last hop";
    default: return "forwarded";
  }
}

class ForwardAnswer {
 public:
  ForwardAnswer(const Asked& asked, LookUp look_up)
      : asked_(asked), config_(asked.config), head_(asked.head), look_up_(look_up) {}

  string write() {
    rows_.add_request(asked_, head_.authority);
    excused_ = config_.rules.excuse(facts());
    const BoardRow board = board_row(asked_, user());
    const plan::Plan& decided = board.plan;
    if (!board.text.empty()) rows_.add("board", board.text);
    if (decided.kind == plan::Kind::board) return write_board(decided.users == plan::kExcused);
    rows_.add("rule", rule_text(config_.rules, config_.rules.before_lookup(facts())));
    if (decided.kind == plan::Kind::refuse) return refused(decided.reason);
    write_password(decided.users == plan::kExcused, 407);
    if (decided.users != plan::kExcused) rows_.add_unknown_user(asked_);
    rows_.add("route", string{route_text(decided.kind)});
    if (decided.kind == plan::Kind::reply) return rows_.text;
    write_parent();
    if (decided.parent == nullptr) write_addresses();
    rows_.add_timeouts(asked_, nullptr, true);
    if (decided.kind == plan::Kind::forward) write_changes(decided.parent);
    return rows_.text;
  }

 private:
  string refused(Reason reason) {
    rows_.add_refusal(reason);
    return rows_.text;
  }

  string write_board(bool excused) {
    write_password(excused, 401);
    rows_.add("route", "the board");
    return rows_.text;
  }

  [[nodiscard]] plan::Requester user() const {
    using What = plan::Requester::What;
    return requester(asked_.question, excused_ ? What::excused : What::unknown);
  }

  // What the rules are asked about.
  [[nodiscard]] plan::AccessRequest facts() const {
    return {asked_.question.client, head_.authority.host,       head_.authority.port,
            head_.method,           asked_.machine.addresses(), user()};
  }

  // `status`: of the response without a password.
  void write_password(bool excused, int status) {
    const string& file = config_.users_files.front();
    if (file.empty()) return;
    rows_.add("password", excused ? "not required, by user=none"
                                  : "required (--users " + file + "), otherwise " + std::to_string(status));
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
    if (found.why != Reason::none)
      return rows_.add("addresses", "none: " + string{http::error_reply(found.why).sentence});
    for (const sys::Address& address : found.addresses.list())
      rows_.add("address", string{sys::endpoint_text(address).view()} + ", " + decision(address));
  }

  [[nodiscard]] string decision(const sys::Address& address) const {
    if (asked_.machine.is_loop(address))
      return "refused with " + std::to_string(http::error_reply(Reason::loop_detected).status) +
             ": it leads back to this proxy";
    return rule_text(config_.rules, config_.rules.for_address(facts(), address));
  }

  void write_changes(const plan::Parent* parent) {
    plan::FormTexts texts;
    http::Form form = plan::forward_form(config_, head_, version_of(asked_), parent, texts);
    form.proxy_login = config_.users_files.front().empty() && parent != nullptr && parent->takes_login();
    rows_.add_changes(asked_, form);
  }

  const Asked& asked_;
  const plan::Config& config_;
  const http::RequestHead& head_;
  LookUp look_up_;
  bool excused_ = false;
  Rows rows_;
};

}  // namespace

string forward_answer(const Asked& asked, LookUp look_up) { return ForwardAnswer{asked, look_up}.write(); }

}  // namespace explain
