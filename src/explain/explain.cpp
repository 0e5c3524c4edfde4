#include "explain.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"
#include "../config/options.hpp"
#include "../http/rewrite.hpp"
#include "../http/status.hpp"
#include "../http/url_path.hpp"
#include "../net/resolver.hpp"
#include "board_row.hpp"

namespace explain {
namespace {

using base::Reason;
using std::string;
using std::string_view;

// ---- the request -----------------------------------------------------------------------------------------

// The default fields of curl, to show the changes to a usual head.
string head_of(const Question& question) {
  const http::PublicUrl shown = http::without_userinfo(question.url);  // browsers and curl remove it too
  const string url = string{shown.before} + string{shown.after};
  string head = question.method + " " + url + " HTTP/1.1\r\n";
  const auto given = [&question](string_view name) {
    return std::any_of(question.fields.begin(), question.fields.end(), [name](const string& field) {
      return field.size() > name.size() && field[name.size()] == ':' &&
             base::equals_ignoring_case(string_view{field}.substr(0, name.size()), name);
    });
  };
  const std::size_t scheme = url.find("://");
  const std::size_t start = scheme == string::npos ? 0 : scheme + 3;
  const string host = url.substr(start, url.find_first_of("/?#", start) - start);
  if (!given("Host")) head += "Host: " + host + "\r\n";
  if (!given("User-Agent")) head += "User-Agent: explain\r\n";
  if (!given("Accept")) head += "Accept: */*\r\n";
  if (!given("Proxy-Connection")) head += "Proxy-Connection: Keep-Alive\r\n";
  for (const string& field : question.fields) head += field + "\r\n";
  return head + "\r\n";
}

// ---- changed fields and the reasons ----------------------------------------------------------------------

struct Cause {
  string_view name, why;
};

// clang-format off
constexpr std::array kCauses{
    Cause{"Host", "taken from the URL, RFC 9112 section 3.2.2"},
    Cause{"Connection", "hop-by-hop, RFC 9110 section 7.6.1"},
    Cause{"Proxy-Connection", "hop-by-hop, not standard, RFC 9112 appendix C.2.2"},
    Cause{"Keep-Alive", "hop-by-hop, RFC 9110 section 7.6.1"},
    Cause{"TE", "hop-by-hop, RFC 9110 section 10.1.4"},
    Cause{"Transfer-Encoding", "hop-by-hop, RFC 9112 section 6.1"},
    Cause{"Trailer", "trailers are dropped, RFC 9110 section 6.5.1"},
    Cause{"Upgrade", "hop-by-hop, RFC 9110 section 7.8"},
    Cause{"Proxy-Authorization", "for this proxy, RFC 9110 section 11.7.2"},
    Cause{"Via", "lists the proxies passed, RFC 9110 section 7.6.3"},
    Cause{"Content-Length", "written again from the parsed number, RFC 9112 section 6.2"},
};
// clang-format on

string_view cause_of(string_view line) noexcept {
  const string_view name = line.substr(0, line.find(':'));
  const auto* const found = std::find_if(kCauses.begin(), kCauses.end(), [name](const Cause& cause) {
    return base::equals_ignoring_case(cause.name, name);
  });
  return found == kCauses.end() ? "listed in Connection, RFC 9110 section 7.6.1" : found->why;
}

std::vector<string_view> lines_of(string_view text) {
  std::vector<string_view> lines;
  for (std::size_t end = 0; (end = text.find("\r\n")) != string_view::npos && end != 0;
       text.remove_prefix(end + 2))
    lines.push_back(text.substr(0, end));
  return lines;
}

void put_changed(string& out, char sign, string_view line, string_view why) {
  out += "  ";
  out += sign;
  out += ' ' + string{line};
  if (!why.empty()) out += "    (" + string{why} + ")";
  out += '\n';
}

// Fields keep their order, so fields in both heads are found in one pass.
string changes(string_view before, string_view after) {
  const std::vector<string_view> old = lines_of(before), fresh = lines_of(after);
  string out;
  put_changed(out, '-', old[0], "");
  const bool absolute = fresh[0].find(" /") == string_view::npos;
  put_changed(out, '+', fresh[0],
              absolute ? "for a proxy, RFC 9112 section 3.2.2" : "origin-form, RFC 9112 section 3.2.1");
  std::size_t next = 1;
  for (std::size_t i = 1; i < old.size(); ++i) {
    const auto same = std::find(fresh.begin() + static_cast<std::ptrdiff_t>(next), fresh.end(), old[i]);
    if (same == fresh.end()) {
      put_changed(out, '-', old[i], cause_of(old[i]));
      continue;
    }
    for (; fresh[next] != old[i]; ++next) put_changed(out, '+', fresh[next], cause_of(fresh[next]));
    put_changed(out, ' ', fresh[next++], "");
  }
  for (; next < fresh.size(); ++next) put_changed(out, '+', fresh[next], cause_of(fresh[next]));
  return out;
}

// ---- the result ------------------------------------------------------------------------------------------

class Answer {
 public:
  Answer(const plan::Config& config, const Question& question, LookUp look_up)
      : config_(config), question_(question), look_up_(look_up) {}

  string write() {
    const string text = head_of(question_);
    const http::Parsed parsed = http::parse_request(text, 0, head_);
    if (parsed.what != http::Parsed::What::complete)
      return refused(parsed.what == http::Parsed::What::bad ? parsed.why : Reason::bad_request_line);
    write_target();
    excused_ = config_.rules.excuse(asked());
    const BoardRow board = board_row(
        config_, head_, question_.client, question_.machine, user(),
        plan::plan_request(config_, plan::Listener{}, head_, question_.client, question_.machine, user()));
    const plan::Plan& decided = board.plan;
    if (!board.text.empty()) row("board", board.text);
    if (decided.kind == plan::Kind::board) return write_board(decided.users == plan::kExcused);
    write_rule();
    if (decided.kind == plan::Kind::refuse) return refused(decided.reason);
    write_password(decided.users == plan::kExcused);
    row("route", decided.kind == plan::Kind::tunnel ? "tunnel, forwarded unread" : "forwarded");
    write_parent();
    if (decided.parent == nullptr) write_addresses();
    write_deadlines();
    return decided.kind == plan::Kind::forward ? write_changes(text, decided.parent) : out_;
  }

 private:
  void row(string_view name, const string& value) {
    out_ += string{name} + string(name.size() < 12 ? 12 - name.size() : 1, ' ') + value + '\n';
  }

  string refused(Reason reason) {
    const http::ErrorReply& reply = http::error_reply(reason);
    row("refused", std::to_string(reply.status) + " " + string{http::phrase(reply.status)} + ", " +
                       string{base::row(reason).name} + ": " + string{reply.sentence});
    return out_;
  }

  void write_target() {
    row("client", string{sys::ip_text(question_.client).view()});
    row("method", string{head_.method});
    row("host", string{head_.authority.host} + ", port " + std::to_string(head_.authority.port));
    if (head_.form == http::TargetForm::absolute) row("path", string{head_.path.empty() ? "/" : head_.path});
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

  void write_password(bool excused) {
    const string& file = config_.users_files.front();
    if (file.empty()) return;
    row("password",
        excused ? "not required, by user=none" : "required (--users " + file + "), otherwise 407");
    if (!excused && question_.user.empty() && config_.rules.have_users())
      row("user", "not known: the rule shown is for the user that the rules treat best; use --user NAME");
  }

  string write_board(bool excused) {
    if (!config_.users_files.front().empty())
      row("password", excused ? "not required, by user=none"
                              : "required (--users " + config_.users_files.front() + "), otherwise 401");
    row("route", "the board");
    return out_;
  }

  void write_rule() {
    const plan::Verdict verdict = config_.rules.before_lookup(asked());
    constexpr std::array<string_view, 3> kWords{"allowed by ", "denied by ", "depends on the address: "};
    row("rule",
        string{kWords[static_cast<std::size_t>(verdict.decision)]} + string{config_.rules.text(verdict)});
  }

  // A parent resolves the host, so no addresses are known.
  void write_parent() {
    using Why = plan::Way::Why;
    const plan::Way way = plan::way_to(config_, head_.authority.host, head_.authority.port);
    switch (way.why) {
      case Why::none: return;
      case Why::this_machine: return row("parent", "none: this machine is always reached directly");
      case Why::no_parent: return row("parent", "none: the host is in --no-parent");
      case Why::no_row: return row("parent", "none: no --parent is for this host");
      case Why::row: break;
    }
    const string& text = way.row->text;
    row("parent", text.substr(0, way.row->is_default() ? text.size() : text.rfind('=')) +
                      (way.row->is_default() ? ", for all other hosts" : ", by --parent " + text));
  }

  void write_addresses() {
    const Found found = look_up_(config_, head_.authority);
    if (found.why != Reason::none) {
      row("addresses", "none: " + string{http::error_reply(found.why).sentence});
      return;
    }
    for (const sys::Address& address : found.addresses.list()) {
      const plan::Verdict verdict = config_.rules.for_address(asked(), address);
      const bool denied = verdict.decision == plan::Decision::deny;
      row("address", string{sys::endpoint_text(address).view()} + (denied ? ", denied: " : ", allowed: ") +
                         string{config_.rules.text(verdict)});
    }
  }

  void write_deadlines() {
    for (const plan::WaitRow& wait : plan::kDeadlineRows)
      row("timeout",
          (config_.wait(wait.wait) == 0 ? "none" : config::seconds_text(config_.wait(wait.wait)) + " s") +
              " for " + string{wait.what});
  }

  string write_changes(string_view text, const plan::Parent* parent) {
    http::Form form = http::request_form(head_, config_.http10 ? http::Version::http10 : head_.version);
    form.absolute = parent != nullptr && parent->kind == plan::Parent::Kind::http;
    http::HeadRoom room;
    const std::size_t length = http::write_request(head_, {config_.name, ""}, form, room);
    if (length == 0) return refused(Reason::head_too_large);
    out_ +=
        "\nChanges to the request head (- received, + forwarded):\n" + changes(text, {room.data(), length});
    return out_;
  }

  const plan::Config& config_;
  const Question& question_;
  LookUp look_up_;
  bool excused_ = false;
  http::RequestHead head_;
  string out_;
};

}  // namespace

namespace {

bool has_blank_or_control(string_view text) noexcept {
  return base::has_control(text) || text.find(' ') != string_view::npos;
}

// The head is written from these texts, so each must stay one element of it. Returns the error.
string check(const Question& question) {
  if (question.method.empty() || has_blank_or_control(question.method))
    return "invalid method " + base::quoted(question.method) + ": expected no blanks or control characters";
  if (question.url.empty() || has_blank_or_control(question.url))
    return "invalid URL " + base::quoted(question.url) + ": expected no blanks or control characters";
  for (const string& field : question.fields) {
    const std::size_t colon = field.find(':');
    if (colon == 0 || colon == string::npos || has_blank_or_control(field.substr(0, colon)) ||
        base::has_control(field))
      return "invalid header field " + base::quoted(field) +
             ": expected NAME: VALUE, without control characters and without blanks in NAME";
  }
  return {};
}

}  // namespace

string read_question(std::span<const char* const> arguments, Question& question,
                     std::vector<const char*>& rest) {
  std::vector<string_view> words;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const string_view argument = arguments[i];
    const bool has_value = i + 1 < arguments.size();
    if (argument == "--help" || argument == "-h") {
      question.help = true;
      return {};
    }
    if (argument == "--client" && has_value) {
      if (!sys::parse_ip(arguments[++i], 50'000, question.client))
        return string{"--client: '"} + arguments[i] + "' is not a numeric address, e.g. 192.168.1.7";
    } else if (argument == "--user" && has_value) {
      question.user = arguments[++i];
    } else if (argument == "-H" && has_value) {
      question.fields.emplace_back(arguments[++i]);
    } else if (argument.size() > 1 && argument.front() == '-') {
      rest.push_back(arguments[i]);
      if (argument.find('=') == string_view::npos && argument.substr(0, 2) == "--" && has_value)
        rest.push_back(arguments[++i]);
    } else {
      words.push_back(argument);
    }
  }
  if (words.size() > 2)
    return "explain: unexpected argument '" + string{words[2]} + "' after the method and the URL" +
           (words[0].ends_with(".json") ? "; a configuration file is named with --config" : "");
  if (words.size() != 2)
    return "explain needs a method and a URL, e.g. proxy explain GET http://example.com/";
  question.method = words[0];
  question.url = words[1];
  return check(question);
}

string_view help_text() noexcept {
  return "Usage: proxy explain [OPTION]... [--client ADDRESS] [--user NAME] [-H FIELD]... METHOD URL\n"
         "Shows how the proxy would handle a request, and sends nothing to the host: the deciding rule, the\n"
         "addresses, the timeouts, and each changed header field with the RFC section that requires it.\n\n"
         "  OPTION            an option of the proxy, such as --deny RULE; proxy --help lists them\n"
         "  --client ADDRESS  the client's address (default 127.0.0.1)\n"
         "  --user NAME       the user of --users\n"
         "  -H FIELD          a header field of the request, NAME: VALUE; repeatable\n\n"
         "Example: proxy explain --deny to=::1 GET http://localhost:3000/\n"
         "Exit status: 0, or 2 for wrong usage.\n";
}

string explain(const plan::Config& config, const Question& question, LookUp look_up) {
  return Answer{config, question, look_up}.write();
}

Found look_up(const plan::Config& config, const http::Authority& host) {
  const sys::Opened poller = sys::make_poller();
  net::Resolver resolver{poller.fd};
  resolver.use(config.nameservers);
  const std::uint64_t end = sys::now_ms() + config.wait(plan::Wait::resolve);
  net::Resolver::Waiter me;
  for (;;) {
    const std::uint64_t now = sys::now_ms();
    const net::Lookup found = resolver.find(host.host, host.port, me, now);
    if (found.what == net::Lookup::What::ready) return {found.addresses, Reason::none};
    if (found.what == net::Lookup::What::failed) return {{}, found.why};
    if (now >= end) return {{}, Reason::dns_timeout};
    const int most = static_cast<int>(end - now), wanted = resolver.timeout_ms(now);
    std::array<sys::Event, 8> events;
    const std::size_t count = sys::wait(poller.fd, events, wanted < 0 ? most : std::min(most, wanted)).count;
    for (std::size_t i = 0; i < count; ++i) resolver.mark(net::Token::unpacked(events[i].token));
    resolver.woken(sys::now_ms());
  }
}

}  // namespace explain
