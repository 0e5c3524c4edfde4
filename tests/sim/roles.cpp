#include "roles.hpp"

#include <algorithm>

namespace sim {

namespace {

using To = CallPlan::To;
using Manner = CallPlan::Manner;
using What = CallPlan::Ask::What;

constexpr std::uint64_t kBegun = 1'000'000;  // the world's clock at its beginning, ms
constexpr std::uint64_t kLongMs = 400'000;   // less than a silent relay may last
constexpr std::uint16_t kFirstPort = 8081;  // of the listeners, in the order of To
constexpr int kFirstHost = 71;              // 10.0.0.71 and 72, ports 90 (relay) and 80 (web)

std::string bytes_of(std::size_t size, std::size_t salt) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>((i * 31 + i / 251 + salt) & 0xff);
  return out;
}

sys::Address member_at(std::size_t index, bool web) {
  sys::Address address;
  sys::parse_ip("10.0.0." + std::to_string(kFirstHost + static_cast<int>(index)), web ? 80 : 90, address);
  return address;
}

// What a relayed server makes of a byte, so that nobody takes an echo for it.
std::string changed(std::string text) {
  for (char& c : text) c = static_cast<char>(c ^ 0x55);
  return text;
}

// ---- the reference model ---------------------------------------------------------------------------------

std::string reversed_lines(const std::string& said) {
  std::string out;
  for (std::size_t at = 0; at < said.size();) {
    const std::size_t end = std::min(said.find('\n', at), said.size());
    std::size_t text_end = end;
    while (text_end > at && said[text_end - 1] == '\r') --text_end;
    std::string line = said.substr(at, text_end - at);
    std::reverse(line.begin(), line.end());
    const std::size_t next = std::min(end + 1, said.size());
    out += line + said.substr(text_end, next - text_end);
    at = next;
  }
  return out;
}

std::string file_content(const RolesPlan& plan, bool large) { return bytes_of(large ? plan.large : 700, large ? 11 : 7); }

std::string path_of(const CallPlan::Ask& ask) {
  switch (ask.what) {
    case What::large: return "/large";
    case What::nothing: return "/nothing";
    case What::behind:
    case What::post: return "/api/" + std::to_string(ask.size);
    default: return "/small";
  }
}

bool waits_for_end(const CallPlan& plan) { return plan.to == To::relay && plan.waits && plan.said.size() >= 8; }

std::string request_of(const CallPlan::Ask& ask) {
  const char* const method = ask.what == What::head ? "HEAD" : ask.what == What::post ? "POST" : "GET";
  std::string out = std::string{method} + " " + path_of(ask) + " HTTP/1.1\r\nHost: h.test\r\n";
  if (ask.what == What::post) out += "Content-Length: " + std::to_string(ask.size) + "\r\n";
  out += "\r\n";
  return ask.what == What::post ? out + bytes_of(ask.size, 3) : out;
}

std::string body_behind(std::size_t size, const std::string& posted) { return bytes_of(size, 5) + changed(posted); }

std::string body_expected(const RolesPlan& plan, const CallPlan::Ask& ask) {
  switch (ask.what) {
    case What::small: return file_content(plan, false);
    case What::large: return file_content(plan, true);
    case What::behind: return body_behind(ask.size, "");
    case What::post: return body_behind(ask.size, bytes_of(ask.size, 3));
    default: return {};
  }
}

// With `waits` it begins with its length.
constexpr std::size_t kLengthBytes = 8;
std::string said_by(const CallPlan& plan) {
  std::string out = plan.said;
  if (waits_for_end(plan)) {
    const std::string digits = std::to_string(out.size());
    out.replace(0, kLengthBytes, "W" + std::string(kLengthBytes - 1 - digits.size(), '0') + digits);
  }
  for (const CallPlan::Ask& ask : plan.asks) out += request_of(ask);
  return out;
}

bool is_length(const std::string& text) {
  return text.size() == kLengthBytes && text[0] == 'W' && std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string expected_without_http(const RolesPlan& plan, const CallPlan& call) {
  switch (call.to) {
    case To::relay: return changed(said_by(call));
    case To::echo: return call.said;
    case To::lines: return reversed_lines(call.said);
    default: return file_content(plan, true);
  }
}

}  // namespace

// ---- a client --------------------------------------------------------------------------------------------

class Caller {
 public:
  Caller(World& world, const CallPlan& plan) : world_(world), plan_(plan), said_(said_by(plan)) {
    if (plan.pause_ms != 0) waiting_until_ = world.now() + plan.pause_ms;
  }

  bool act() {
    if (over || waiting_until_ > world_.now()) return false;
    waiting_until_ = 0;
    if (!connection_) {
      connection_ = world_.connect_to_program(static_cast<std::uint16_t>(kFirstPort + static_cast<int>(plan_.to)));
      over = refused = !connection_;
      return true;
    }
    return world_.chooser().choose(2) == 0 ? send() || read() : read() || send();
  }
  [[nodiscard]] std::uint64_t next_time() const { return over ? 0 : waiting_until_; }

  std::string got;
  std::uint64_t ended_at = 0;
  bool over = false, saw_eof = false, saw_reset = false, left = false, refused = false;

 private:
  bool send() {
    const bool cuts = plan_.manner == Manner::vanish || plan_.manner == Manner::reset || plan_.manner == Manner::stall;
    const std::size_t end = cuts ? std::min(plan_.cut, said_.size()) : said_.size();
    if (sent_ < end) {
      const std::size_t piece = world_.chooser().some(std::min<std::size_t>(end - sent_, 5000));
      const std::size_t taken = world_.remote_send(*connection_, std::string_view{said_}.substr(sent_, piece));
      sent_ += taken;
      return taken > 0;
    }
    if (plan_.manner == Manner::vanish || plan_.manner == Manner::reset) {
      leave(plan_.manner == Manner::reset);
      return true;
    }
    const bool shuts = plan_.manner != Manner::stall && !waits_for_end(plan_) && (plan_.to != To::web || plan_.manner == Manner::shut);
    if (!shuts || shut_) return false;
    shut_ = true;
    world_.remote_shutdown(*connection_);
    return true;
  }

  bool read() {
    Connection& c = *connection_;
    std::size_t most = 4096;
    const bool holds = (plan_.manner == Manner::stop && !stopped_) || plan_.manner == Manner::leave;
    if (holds) most = plan_.cut - std::min(plan_.cut, got.size());
    if (holds && most == 0) {
      if (plan_.manner == Manner::leave) {
        leave(false);
        return true;
      }
      stopped_ = true;
      waiting_until_ = world_.now() + 1000;
      return true;
    }
    if (!c.down.arrived.empty()) {
      got += world_.remote_read(c, world_.chooser().some(most));
      return true;
    }
    if (!c.down.fin_arrived && !c.remote_reset) return false;
    ended_at = world_.now();
    saw_eof = c.down.fin_arrived;
    saw_reset = c.remote_reset && !saw_eof;
    over = true;
    world_.remote_close(c);
    return true;
  }

  void leave(bool by_reset) {
    over = left = true;
    by_reset ? world_.remote_rst(*connection_) : world_.remote_close(*connection_);
  }

  World& world_;
  const CallPlan& plan_;
  std::string said_;
  std::size_t sent_ = 0;
  ConnectionPtr connection_;
  bool shut_ = false, stopped_ = false;
  std::uint64_t waiting_until_ = 0;
};

// ---- a server behind the program -------------------------------------------------------------------------

class Member {
 public:
  Member(World& world, const MemberPlan& plan, std::size_t index, bool web) : world_(world), plan_(plan), web_(web) {
    using M = MemberPlan::Manner;
    if (plan.manner == M::refuses) return;
    host_ = &world.host(member_at(index, web), plan.manner == M::swallows ? World::Host::Manner::swallows
                                                                           : World::Host::Manner::accepts);
  }

  bool act() {
    if (host_ != nullptr && !host_->arrivals.empty()) {
      talks_.emplace_back().connection = host_->arrivals.front();
      host_->arrivals.pop_front();
      return true;
    }
    return std::any_of(talks_.begin(), talks_.end(), [this](Talk& talk) { return !talk.over && move(talk); });
  }

 private:
  struct Talk {
    ConnectionPtr connection;
    std::string heard, out;  // not answered yet, not sent yet
    std::string first;       // what was heard first
    std::size_t said = 0;
    std::uint32_t served = 0;
    bool over = false, closing = false, shut = false;
  };

  bool move(Talk& talk) {
    Connection& c = *talk.connection;
    const bool dies = plan_.manner == MemberPlan::Manner::dies;
    if (dies && talk.said >= plan_.cut && (plan_.cut > 0 || !c.down.arrived.empty())) {
      talk.over = true;
      world_.remote_rst(c);
      return true;
    }
    if (!talk.out.empty()) {
      std::size_t piece = world_.chooser().some(std::min<std::size_t>(talk.out.size(), 5000));
      if (dies) piece = std::min(piece, plan_.cut - talk.said);
      const std::size_t taken = world_.remote_send(c, std::string_view{talk.out}.substr(0, piece));
      talk.out.erase(0, taken);
      talk.said += taken;
      if (taken > 0) return true;
    }
    if (!web_ && !talk.shut && is_length(talk.first) && talk.said == std::stoul(talk.first.substr(1))) {
      talk.shut = true;
      world_.remote_shutdown(c);
      return true;
    }
    if (!c.down.arrived.empty() && talk.out.size() < 20'000) {
      talk.heard += world_.remote_read(c, world_.chooser().some(4096));
      if (plan_.manner == MemberPlan::Manner::silent) talk.heard.clear();
      web_ ? serve(talk) : change(talk);
      return true;
    }
    const bool ended = c.down.arrived.empty() && (c.down.fin_arrived || c.remote_reset);
    if (!talk.out.empty() && !c.remote_reset) return false;
    if (!ended && !talk.closing) return false;
    talk.over = true;
    world_.remote_close(c);
    return true;
  }

  static void change(Talk& talk) {
    talk.first += talk.heard.substr(0, kLengthBytes - talk.first.size());
    talk.out += changed(talk.heard);
    talk.heard.clear();
  }

  void serve(Talk& talk) {
    for (;;) {
      const std::size_t end = talk.heard.find("\r\n\r\n");
      if (end == std::string::npos || talk.closing) return;
      const std::string head = talk.heard.substr(0, end + 4);
      const bool post = head.starts_with("POST /api/"), get = head.starts_with("GET /api/");
      const bool forwarded = head.find("\r\nX-Forwarded-For: 127.0.0.1\r\n") != std::string::npos &&
                             head.find("\r\nVia: 1.1 ") != std::string::npos && head.find("\r\nHost: h.test\r\n") != std::string::npos;
      if ((!post && !get) || !forwarded) return world_.fault("a server behind the program was asked: " + head);
      const std::size_t size = std::strtoul(head.c_str() + head.find("/api/") + 5, nullptr, 10);
      const std::size_t posted = post ? size : 0;
      if (talk.heard.size() < head.size() + posted) return;
      const std::string body = talk.heard.substr(head.size(), posted);
      if (body != bytes_of(posted, 3)) return world_.fault("a server behind the program has a body that nobody sent");
      talk.heard.erase(0, head.size() + posted);
      const std::string answer = body_behind(size, body);
      talk.closing = plan_.serves != 0 && ++talk.served == plan_.serves;
      talk.out += "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(answer.size()) +
                  (talk.closing ? "\r\nConnection: close" : "") + "\r\n\r\n" + answer;
    }
  }

  World& world_;
  const MemberPlan& plan_;
  bool web_;
  World::Host* host_ = nullptr;
  std::deque<Talk> talks_;
};

// ---- what is wrong ---------------------------------------------------------------------------------------

namespace {

bool reads_to_the_end(const CallPlan& plan) {
  return plan.manner == Manner::plain || plan.manner == Manner::shut || plan.manner == Manner::stop;
}

// Somebody answers, and nobody takes a request and fails.
bool is_served(const RolesPlan& plan) {
  using M = MemberPlan::Manner;
  const auto is = [&plan](M manner) {
    return std::any_of(plan.members.begin(), plan.members.end(), [manner](const MemberPlan& m) { return m.manner == manner; });
  };
  return is(M::answers) && !is(M::dies) && !is(M::silent);
}

std::string judge_bytes(const RolesPlan& plan, const CallPlan& call, const Caller& client, bool kind) {
  const std::string expected = expected_without_http(plan, call);
  if (expected.compare(0, client.got.size(), client.got) != 0)
    return "it has bytes that nobody sent, behind " + std::to_string(std::mismatch(client.got.begin(), client.got.end(), expected.begin(), expected.end()).first - client.got.begin());
  const bool whole = client.got == expected;
  const bool owed = kind && reads_to_the_end(call) && (call.to != To::relay || is_served(plan));
  if (owed && (!whole || !client.saw_eof))
    return "it must have all, but has " + std::to_string(client.got.size()) + " of " + std::to_string(expected.size()) +
           " bytes" + (client.saw_reset ? " and a reset" : "");
  if (owed && waits_for_end(call) && client.ended_at > kBegun + kLongMs) return "its end was not passed on";
  if (client.left || client.refused || client.got.empty() || call.manner == Manner::stall) return {};
  return !whole && client.saw_eof ? "what it has was cut and looks whole" : "";
}

// The next answer of several; false: there is none that is whole.
bool take_head(std::string_view& text, int& status, std::size_t& length, bool& stays) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  const std::string head{text.substr(0, end + 2)};
  text.remove_prefix(end + 4);
  const std::size_t at = head.find("\r\nContent-Length: ");
  stays = head.starts_with("HTTP/1.1") && head.find("\r\nConnection: close\r\n") == std::string::npos;
  status = head.size() > 12 && head.starts_with("HTTP/1.") ? std::atoi(head.c_str() + 9) : 0;
  length = at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 18, nullptr, 10);
  return true;
}

std::string judge_answers(const RolesPlan& plan, const CallPlan& call, const Caller& client, bool kind) {
  std::string_view text = client.got;
  bool owed = kind && reads_to_the_end(call);
  for (std::size_t i = 0; i < call.asks.size(); ++i) {
    const CallPlan::Ask& ask = call.asks[i];
    const bool behind = ask.what == What::behind || ask.what == What::post;
    owed &= !behind || is_served(plan);
    const std::string which = "answer " + std::to_string(i) + ": ";
    int status = 0;
    std::size_t length = 0;
    bool stays = false;
    if (!take_head(text, status, length, stays)) {
      if (!text.empty() && !std::string_view{"HTTP/1."}.starts_with(text.substr(0, 7))) return which + "no HTTP";
      return owed ? which + "it must have one" : "";
    }
    const bool own = status == 408 || status == 429 || (status >= 500 && status <= 504);
    const std::string expected = body_expected(plan, ask);
    if (own) {
      if (owed) return which + "it must not have " + std::to_string(status);
      // A request that was never understood may have been a HEAD, and yet have a body in its answer.
      if (!stays) return text.size() > length ? which + "bytes behind the last" : "";
      if (ask.what != What::head) text.remove_prefix(std::min(length, text.size()));
      continue;
    }
    if (status != (ask.what == What::nothing ? 404 : 200)) return which + "it has " + std::to_string(status);
    if (ask.what == What::head) {
      if (length != file_content(plan, false).size()) return which + "another length";
      continue;
    }
    if (ask.what != What::nothing && length != expected.size()) return which + "another length";
    const std::string_view body = text.substr(0, length);
    if (ask.what != What::nothing && !std::string_view{expected}.starts_with(body)) return which + "bytes that nobody sent";
    if (body.size() < length) return owed ? which + "it is cut" : "";
    text.remove_prefix(length);
  }
  // A request that was cut has a refusal.
  if (text.empty() || call.manner == Manner::stall) return {};
  return "there is more than what was asked for";
}

}  // namespace

Roles::Roles(World& world, const RolesPlan& plan) : plan_(plan) {
  if (plan.calls.empty()) return;
  world.put_node("/www", sys::FileStatus::Kind::directory, "", 1);
  world.put_file("/www/small", file_content(plan, false));
  world.put_file("/www/large", file_content(plan, true));
  for (const CallPlan& call : plan.calls) {
    calls_.push_back(std::make_unique<Caller>(world, call));
    world.actors.emplace_back([client = calls_.back().get()] { return client->act(); });
  }
  for (std::size_t i = 0; i < plan.members.size(); ++i)
    for (const bool web : {false, true}) {
      members_.push_back(std::make_unique<Member>(world, plan.members[i], i, web));
      world.actors.emplace_back([member = members_.back().get()] { return member->act(); });
    }
}
Roles::~Roles() = default;

bool Roles::over() const {
  return std::all_of(calls_.begin(), calls_.end(), [](const auto& call) { return call->over; });
}

std::uint64_t Roles::next_time() const {
  std::uint64_t next = 0;
  for (const auto& call : calls_)
    if (const std::uint64_t time = call->next_time(); time != 0 && (next == 0 || time < next)) next = time;
  return next;
}

std::string Roles::judge(bool kind) const {
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    const CallPlan& call = plan_.calls[i];
    const std::string fault = call.to == To::web ? judge_answers(plan_, call, *calls_[i], kind) : judge_bytes(plan_, call, *calls_[i], kind);
    if (!fault.empty()) return "call " + std::to_string(i) + ": " + fault;
  }
  return {};
}

// ---- the program's side ----------------------------------------------------------------------------------

void add_roles(plan::Config& config, const RolesPlan& plan) {
  if (plan.calls.empty()) return;
  static constexpr plan::Role kRoles[] = {plan::Role::relay, plan::Role::echo, plan::Role::reverse_lines, plan::Role::send_file,
                                          plan::Role::web};
  for (std::size_t i = 0; i < std::size(kRoles); ++i) {
    plan::Listener& listener = config.listeners.emplace_back();
    listener.address = sys::loopback4(static_cast<std::uint16_t>(kFirstPort + i));
    listener.role = kRoles[i];
    listener.root = "/www";
    listener.file = "large";
    listener.sites = {0};
  }
  for (const bool web : {false, true}) {
    plan::Group& group = config.groups.emplace_back();
    group.balance = static_cast<plan::Balance>(plan.balance);
    for (std::size_t i = 0; i < plan.members.size(); ++i)
      group.members.push_back({std::string{sys::ip_text(member_at(i, web)).view()}, member_at(i, web).port, {}});
  }
  plan::WebRoute here, behind;
  here.directory = "/www";
  behind.prefix = "/api";
  behind.kind = plan::RouteKind::reverse;
  behind.group = 1;
  config.sites.emplace_back().routes = {here, behind};
}

// ---- drawn at random -------------------------------------------------------------------------------------

namespace {

constexpr std::size_t kSizes[] = {0, 1, 5, 100, 2000, 9000, 16'384, 40'000, 200'000};

std::string draw_said(Chooser& chooser, To to) {
  std::string said = bytes_of(kSizes[chooser.choose(9)], chooser.choose(251));
  if (to != To::lines) return said;
  for (char& c : said)
    if (c == '\n' || c == '\r') c = 'x';
  // No line is too long.
  for (std::size_t at = chooser.choose(300); at < said.size(); at += 1 + chooser.choose(chooser.choose(4) == 0 ? 16'000 : 300)) {
    if (at > 0 && chooser.choose(3) == 0) said[at - 1] = '\r';
    said[at] = '\n';
  }
  return said;
}

CallPlan draw_call(Chooser& chooser) {
  CallPlan plan;
  plan.to = static_cast<To>(chooser.choose(3) == 0 ? 4 : chooser.choose(5));
  plan.manner = chooser.choose(2) == 0 ? Manner::plain : static_cast<Manner>(chooser.choose(7));
  plan.cut = chooser.choose(chooser.choose(3) == 0 ? 20'000 : 300);
  plan.pause_ms = chooser.choose(4) == 0 ? chooser.choose(50) : 0;
  if (plan.to != To::web && plan.to != To::file) plan.said = draw_said(chooser, plan.to);
  plan.waits = chooser.choose(3) == 0;
  for (std::uint32_t i = plan.to == To::web ? 1 + chooser.choose(5) : 0; i > 0; --i)
    plan.asks.push_back({static_cast<What>(chooser.choose(6)), kSizes[chooser.choose(8)]});
  return plan;
}

}  // namespace

RolesPlan draw_roles(Chooser& chooser) {
  RolesPlan plan;
  for (std::uint32_t i = 1 + chooser.choose(4); i > 0; --i) plan.calls.push_back(draw_call(chooser));
  for (MemberPlan& member : plan.members) {
    member.manner = chooser.choose(2) == 0 ? MemberPlan::Manner::answers : static_cast<MemberPlan::Manner>(chooser.choose(5));
    member.cut = chooser.choose(2) == 0 ? 0 : chooser.choose(5000);
    member.serves = chooser.choose(3);
  }
  plan.large = 70'000 + chooser.choose(200'000);
  plan.balance = static_cast<std::uint8_t>(chooser.choose(3));
  return plan;
}

void limit_roles(RolesPlan& plan, std::size_t most) {
  plan.large = std::min(plan.large, most);
  for (CallPlan& call : plan.calls) {
    if (call.said.size() > most) call.said.resize(most);
    for (CallPlan::Ask& ask : call.asks) ask.size = std::min(ask.size, most);
  }
}

std::string describe(const RolesPlan& plan) {
  static constexpr std::string_view kTo[] = {"relay", "echo", "lines", "file", "web"};
  static constexpr std::string_view kManners[] = {"plain", "shut", "stop", "vanish", "reset", "leave", "stall"};
  static constexpr std::string_view kMembers[] = {"answers", "refuses", "swallows", "dies", "silent"};
  static constexpr std::string_view kWhat[] = {"small", "large", "nothing", "head", "behind", "post"};
  if (plan.calls.empty()) return {};
  std::string out;
  for (std::size_t i = 0; i < plan.calls.size(); ++i) {
    const CallPlan& call = plan.calls[i];
    out += "  call " + std::to_string(i) + ": " + std::string{kTo[static_cast<std::size_t>(call.to)]} + " " +
           std::string{kManners[static_cast<std::size_t>(call.manner)]} + " says " + std::to_string(call.said.size()) + (waits_for_end(call) ? " and waits" : "") + " cut " +
           std::to_string(call.cut) + " pause " + std::to_string(call.pause_ms);
    for (const CallPlan::Ask& ask : call.asks)
      out += " " + std::string{kWhat[static_cast<std::size_t>(ask.what)]} + ":" + std::to_string(ask.size);
    out += "\n";
  }
  for (const MemberPlan& member : plan.members)
    out += "  member " + std::string{kMembers[static_cast<std::size_t>(member.manner)]} + " cut " + std::to_string(member.cut) +
           " serves " + std::to_string(member.serves) + "\n";
  return out + "  large " + std::to_string(plan.large) + " balance " + std::to_string(plan.balance) + "\n";
}

void shrink_roles(const std::function<void(const std::function<void(RolesPlan&)>&)>& attempt, const RolesPlan& best) {
  for (std::size_t i = 0; i < best.calls.size() && best.calls.size() > 1;) {
    const std::size_t before = best.calls.size();
    attempt([i](RolesPlan& plan) { plan.calls.erase(plan.calls.begin() + static_cast<std::ptrdiff_t>(i)); });
    if (best.calls.size() == before) ++i;
  }
  for (std::size_t i = 0; i < best.calls.size(); ++i) {
    attempt([i](RolesPlan& plan) { plan.calls[i].manner = Manner::plain; });
    attempt([i](RolesPlan& plan) { plan.calls[i].pause_ms = 0; });
    attempt([i](RolesPlan& plan) { plan.calls[i].said.resize(plan.calls[i].said.size() / 8); });
    for (std::size_t n = best.calls[i].asks.size(); n > 1; --n)
      attempt([i, n](RolesPlan& plan) {
        auto& asks = plan.calls[i].asks;
        if (n <= asks.size()) asks.erase(asks.begin() + static_cast<std::ptrdiff_t>(n - 1));
      });
  }
  for (std::size_t i = 0; i < best.members.size(); ++i) attempt([i](RolesPlan& plan) { plan.members[i] = {}; });
  attempt([](RolesPlan& plan) { plan.large /= 8; });
}

}  // namespace sim
