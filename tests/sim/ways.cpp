#include "ways.hpp"

#include <algorithm>
#include <array>

namespace sim {
namespace {

using Reached = World::Host::Manner;
using Kind = ParentPlan::Kind;
using Manner = ParentPlan::Manner;

constexpr int kNoReply = -1, kExpired = 6;

// The addresses of a host, alternating families, as in a DNS answer.
sys::Address spot_address(std::size_t index, std::size_t spot, std::uint16_t port) {
  sys::Address address = spot % 2 == 0 ? sys::loopback4(port) : sys::loopback6(port);
  if (spot % 2 == 0)
    address.bytes = {10, static_cast<std::uint8_t>(spot), 0, static_cast<std::uint8_t>(index + 1)};
  else
    address.bytes = {0xfd, static_cast<std::uint8_t>(spot), 0, static_cast<std::uint8_t>(index + 1)};
  return address;
}

bool starts(std::string_view whole, std::string_view with) { return whole.substr(0, with.size()) == with; }

std::uint32_t words_of(const ParentPlan& parent) {
  if (parent.kind == Kind::http) return 1;
  return parent.login && parent.asks_login ? 3 : 2;
}

// The handshake message at which it fails.
std::uint32_t bad_word(const ParentPlan& parent) { return std::min(parent.word, words_of(parent) - 1); }

}  // namespace

// ---- addresses -------------------------------------------------------------------------------------------

Spots draw_spots(Chooser& chooser) {
  Spots spots(2 + chooser.choose(3));
  for (Spot& spot : spots) {
    static constexpr Reached kManners[] = {Reached::accepts, Reached::accepts, Reached::swallows, Reached::refuses,
                                           Reached::refuses};
    const std::uint32_t which = chooser.choose(5);
    spot.manner = kManners[which];
    if (which == 1 || which == 4) spot.delay_ms = 100 + chooser.choose(chooser.choose(2) == 0 ? 300 : 2901);
  }
  return spots;
}

std::string describe(const Spots& spots) {
  static constexpr std::array<std::string_view, 3> kNames{"accepts", "refuses", "swallows"};
  std::string out;
  for (const Spot& spot : spots) {
    out += (out.empty() ? "" : ",") + std::string{kNames[static_cast<std::size_t>(spot.manner)]};
    if (spot.delay_ms > 0) out += " after " + std::to_string(spot.delay_ms);
  }
  return out;
}

int status_of(const Spots& spots) {
  const auto any = [&spots](Reached manner) {
    return std::any_of(spots.begin(), spots.end(), [manner](const Spot& spot) { return spot.manner == manner; });
  };
  if (any(Reached::accepts)) return 0;
  return any(Reached::swallows) ? 504 : 502;
}

std::vector<World::Host*> put_hosts(World& world, std::size_t index, std::uint16_t port, const Spots& spots) {
  std::vector<World::Host*> all;
  for (std::size_t i = 0; i < spots.size(); ++i)
    all.push_back(&world.host(spot_address(index, i, port), spots[i].manner, spots[i].delay_ms));
  return all;
}

net::Found found_at(std::size_t index, std::size_t count) {
  net::Found found;
  found.what = net::Found::What::found;
  found.ttl_ms = 1000;
  for (std::size_t i = 0; i < count; ++i) found.addresses.add(spot_address(index, i, 0));
  return found;
}

// ---- a parent: the reference model -----------------------------------------------------------------------

ParentPlan draw_parent(Chooser& chooser) {
  ParentPlan parent;
  parent.kind = chooser.choose(2) == 0 ? Kind::http : Kind::socks5;
  parent.manner = static_cast<Manner>(chooser.choose(3) == 0 ? chooser.choose(7) : 0);
  parent.word = chooser.choose(3);
  const std::uint32_t place = chooser.choose(3);
  parent.local = place == 1;
  parent.by_name = place == 2;
  parent.login = chooser.choose(2) == 0;
  parent.asks_login = chooser.choose(3) != 0;
  if (parent.by_name && chooser.choose(2) == 0) parent.spots = draw_spots(chooser);
  if (chooser.choose(12) == 0) parent.spots = {Spot{Reached::refuses}};
  parent.serves = chooser.choose(3) == 0 ? 1 + chooser.choose(3) : 0;
  static constexpr std::uint64_t kIdle[] = {0, 0, 1, 10, 45};
  parent.idle_ms = kIdle[chooser.choose(5)];
  parent.resets = chooser.choose(4) == 0;
  return parent;
}

std::string describe(const ParentPlan& parent) {
  static constexpr std::array<std::string_view, 7> kManners{"serves", "refuses",   "closes",   "resets",
                                                            "silent", "malformed", "talkative"};
  if (parent.kind == Kind::none) return {};
  std::string out = parent.kind == Kind::http ? "  parent http " : "  parent socks5 ";
  out += std::string{kManners[static_cast<std::size_t>(parent.manner)]} + " at word " + std::to_string(parent.word) +
         (parent.local ? " local" : "") + (parent.by_name ? " by name" : "") + (parent.login ? " login" : "") +
         (parent.asks_login ? " asks for it" : "") + " at " + describe(parent.spots) + " serves " +
         std::to_string(parent.serves) + " idle " + std::to_string(parent.idle_ms);
  return out + (parent.resets ? " resets\n" : "\n");
}

std::string target_expected(const ParentPlan& parent, const std::string& host, const std::string& path) {
  return parent.kind == Kind::http ? "http://" + host + path : path;
}

// By base64 of "joe:secret" (RFC 7617 section 2).
std::string login_expected(const ParentPlan& parent) {
  return parent.kind == Kind::http && parent.login ? "Proxy-Authorization: Basic am9lOnNlY3JldA==\r\n" : "";
}

int status_of(const ParentPlan& parent, bool tunnel, int reply) {
  if (parent.kind == Kind::none) return 0;
  if (const int status = status_of(parent.spots); status != 0) return status;
  if (parent.kind == Kind::http && !tunnel) return 0;
  const int by_reply = reply == 0 ? 0 : reply == kNoReply || reply == kExpired ? 504 : 502;
  const bool at_last = bad_word(parent) + 1 == words_of(parent);
  switch (parent.manner) {
    case Manner::serves: return by_reply;
    case Manner::silent: return 504;
    // Bytes after the last message are the host's: the tunnel's client gets them.
    case Manner::talkative: return at_last && (tunnel || by_reply != 0) ? by_reply : 502;
    default: return 502;
  }
}

// ---- the parent itself -----------------------------------------------------------------------------------

Gate::Gate(World& world, const ParentPlan& plan, std::vector<Target> targets, HandOver hand_over)
    : world_(world), plan_(plan), targets_(std::move(targets)), hand_over_(std::move(hand_over)) {
  hosts_ = put_hosts(world, kParentIndex, kParentPort, plan.spots);
  if (plan.local && plan.spots[0].manner == Reached::accepts) world.local_hosts[kParentPath] = hosts_[0]->address;
  if (plan.by_name) world.names[kParentName] = found_at(kParentIndex, plan.spots.size());
}

bool Gate::act() {
  for (World::Host* host : hosts_) {
    if (host->arrivals.empty()) continue;
    take_back(host->arrivals.front());
    host->arrivals.pop_front();
    return true;
  }
  std::erase_if(talks_, [](const Talk& talk) { return talk.over; });
  if (talks_.empty()) return false;
  const std::size_t first = world_.chooser().choose(static_cast<std::uint32_t>(talks_.size()));
  for (std::size_t i = 0; i < talks_.size(); ++i)
    if (act(talks_[(first + i) % talks_.size()])) return true;
  return false;
}

void Gate::close(Talk& talk, bool by_reset) {
  talk.over = true;
  by_reset ? world_.remote_rst(*talk.connection) : world_.remote_close(*talk.connection);
}

bool Gate::act(Talk& talk) {
  Connection& c = *talk.connection;
  if (talk.over) return false;
  if (!c.down.arrived.empty()) {
    if (talk.speaking && talk.sent < talk.word) world_.fault("bytes were sent to the parent before its reply");
    return hear(talk);
  }
  if (c.down.fin_arrived || c.remote_reset) {
    close(talk, false);
    return true;
  }
  return talk.speaking && speak(talk);
}

bool Gate::is_last(const Talk& talk) const { return plan_.kind == Kind::http || talk.stage == Stage::request; }

// The requests that are allowed, one per target.
std::vector<std::string> Gate::requests() const {
  std::vector<std::string> all;
  for (const Target& target : targets_) {
    const std::string port = std::to_string(target.port);
    if (plan_.kind == Kind::http) {
      const std::string place = target.host + ":" + port;
      all.push_back("CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\nVia: 1.1 proxy\r\n" + login_expected(plan_) + "\r\n");
      continue;
    }
    std::string text{"\5\1\0", 3};
    sys::Address address;
    if (sys::parse_ip(target.host, target.port, address))
      text += std::string{"\1"} + std::string(reinterpret_cast<const char*>(address.bytes.data()), 4);
    else
      text += std::string{"\3"} + static_cast<char>(target.host.size()) + target.host;
    text += static_cast<char>(target.port >> 8);
    text += static_cast<char>(target.port & 0xff);
    all.push_back(text);
  }
  return all;
}

bool Gate::hear(Talk& talk) {
  talk.heard += world_.remote_read(*talk.connection, world_.chooser().some(4096));
  if (talk.speaking) return true;
  if (plan_.kind == Kind::http) return hear_http(talk);
  switch (talk.stage) {
    case Stage::first: return hear_word(talk, {plan_.login ? std::string{"\5\2\0\2", 4} : std::string{"\5\1\0", 3}});
    case Stage::login: return hear_word(talk, {std::string{"\1\3joe\6secret"}});
    case Stage::request: break;
  }
  return hear_word(talk, requests());
}

// A request in absolute form is passed to the host's actor as soon as the host is known.
bool Gate::hear_http(Talk& talk) {
  constexpr std::string_view kConnect = "CONNECT ";
  if (starts(kConnect, std::string_view{talk.heard}.substr(0, kConnect.size()))) return hear_word(talk, requests());
  const std::size_t scheme = talk.heard.find(" http://"), end = talk.heard.find('/', scheme + 8);
  if (scheme == std::string::npos || end == std::string::npos) {
    if (talk.heard.size() > 100) world_.fault("the parent received a request without a host: " + talk.heard);
    return true;
  }
  const std::string host = talk.heard.substr(scheme + 8, end - scheme - 8);
  for (std::size_t i = 0; i < targets_.size(); ++i)
    if (targets_[i].host == host && targets_[i].port == 80) {
      talk.over = true;
      hand_over_(i, talk.connection, talk.heard);
      return true;
    }
  world_.fault("the parent received a request for an unknown host: " + talk.heard);
  return true;
}

// One of these must arrive, and no byte after it.
bool Gate::hear_word(Talk& talk, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!starts(words[i], talk.heard)) continue;
    if (words[i].size() > talk.heard.size()) return true;
    if (words.size() > 1 || is_last(talk)) talk.target = i;
    answer(talk);
    return true;
  }
  world_.fault("the parent received invalid bytes, or bytes before its reply: " + talk.heard);
  return true;
}

std::string Gate::good_word(Talk& talk) {
  Chooser& chooser = world_.chooser();
  if (talk.stage == Stage::login) return {"\1\0", 2};
  if (plan_.kind == Kind::socks5 && talk.stage == Stage::first) return {"\5\0", 2};
  const int reply = targets_[talk.target].reply;
  if (reply == kNoReply) return {};
  if (reply != 0) return no_word(reply);
  if (plan_.kind == Kind::http) {
    static constexpr std::string_view kWords[] = {
        "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 Connection established\r\nProxy-Agent: x\r\n\r\n",
        "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 102 Soon\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 x\r\nLink: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"};
    return std::string{kWords[chooser.choose(6)]};
  }
  std::string bound{"\1\x7f\0\0\1", 5};
  const std::uint32_t form = chooser.choose(3);
  if (form == 1) bound = "\4" + std::string(16, '\5');
  const std::size_t length = form == 2 ? 5 * chooser.choose(3) : 0;
  if (form == 2) bound = std::string{"\3"} + static_cast<char>(length) + std::string(length, 'n');
  return std::string{"\5\0\0", 3} + bound + std::string{"\x1f\x90"};
}

// The host is unreachable.
std::string Gate::no_word(int reply) {
  if (plan_.kind == Kind::http) return "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno";
  std::string word{"\5"};
  word += static_cast<char>(reply);
  return world_.chooser().choose(2) == 0 ? word : word + std::string{"\0\1\0\0\0\0\0\0", 8};
}

std::string Gate::refusal(const Talk& talk) {
  static constexpr std::string_view kWords[] = {"HTTP/1.1 407 Log in here\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
                                                "HTTP/1.0 403 No\r\n\r\nno", "HTTP/1.1 302 There\r\nLocation: http://x/\r\n\r\n"};
  if (plan_.kind == Kind::http) {
    const std::uint32_t word = world_.chooser().choose(3);
    return std::string{kWords[word == 0 && !plan_.login ? 1 : word]};  // without a login, a 407 is for the client
  }
  if (talk.stage == Stage::first) return "\5\xff";
  if (talk.stage == Stage::login) return "\1\1";
  static constexpr int kReplies[] = {1, 2, 3, 4, 5, 7, 8, 9, 0xff};
  return no_word(kReplies[world_.chooser().choose(9)]);
}

std::string Gate::malformed(const Talk& talk) {
  using std::string;
  const std::uint32_t which = world_.chooser().choose(3);
  if (plan_.kind == Kind::http) {
    static constexpr std::string_view kWords[] = {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
                                                  "HTTP/1.1 101 Now\r\nUpgrade: talk\r\nConnection: upgrade\r\n\r\n"};
    return string{kWords[which]};
  }
  if (talk.stage == Stage::login) return which == 0 ? string{"\5\0", 2} : "HTTP/1.1 400 No\r\n\r\n";
  if (talk.stage == Stage::first) return which == 0 ? string{"\4\0", 2} : which == 1 ? "\5\1" : plan_.login ? "\5\3" : "\5\2";
  const string ends[] = {string{"\4\0\0\1\0\0\0\0\0\0", 10}, string{"\5\0\1\1\0\0\0\0\0\0", 10}, string{"\5\0\0\2\0\0\0\0\0\0", 10}};
  return ends[which];
}

// Handles a complete message: the reply and the next stage.
void Gate::answer(Talk& talk) {
  const bool asks = plan_.login && plan_.asks_login;
  const bool last = is_last(talk);
  const std::uint32_t word = last ? words_of(plan_) - 1 : talk.stage == Stage::login ? 1 : 0;
  const bool astray = plan_.manner != Manner::serves && word == bad_word(plan_);
  talk.speaking = true;
  talk.word = ~std::size_t{0};
  talk.out = good_word(talk);
  if (plan_.kind == Kind::socks5 && talk.stage == Stage::first && asks) talk.out = "\5\2";
  talk.then = !last ? Then::next : talk.out.empty() || targets_[talk.target].reply != 0 ? Then::wait : Then::lead_on;
  if (!astray) return;
  const bool tunnel = targets_[talk.target].port != 80;
  if (plan_.manner == Manner::talkative) {
    talk.word = talk.out.size();  // later bytes may arrive too late to be distinguished from the next reply
    if (!last || (!tunnel && talk.then == Then::lead_on)) talk.out += "SSH-2.0-OpenSSH_9.2\r\n\r\n";
    if (!last || !tunnel) talk.then = Then::wait;
    return;
  }
  talk.then = Then::wait;
  talk.out.clear();
  if (plan_.manner == Manner::refuses) talk.out = refusal(talk);
  if (plan_.manner == Manner::malformed) talk.out = malformed(talk);
  if (plan_.manner == Manner::refuses && world_.chooser().choose(2) == 0) talk.then = Then::close;
  if (plan_.manner == Manner::closes || plan_.manner == Manner::resets) close(talk, plan_.manner == Manner::resets);
}

bool Gate::speak(Talk& talk) {
  bool moved = false;
  if (talk.sent < talk.out.size()) {
    const std::size_t piece = world_.chooser().some(talk.out.size() - talk.sent);
    const std::size_t taken = world_.remote_send(*talk.connection, std::string_view{talk.out}.substr(talk.sent, piece));
    talk.sent += taken;
    said += taken;
    moved = taken > 0;
    if (talk.sent < talk.out.size()) return moved;
  }
  switch (talk.then) {
    case Then::wait: return moved;
    case Then::close: close(talk, false); return true;
    case Then::lead_on:
      talk.over = true;
      ++led_on;
      hand_over_(talk.target, talk.connection, "");
      return true;
    case Then::next: break;
  }
  const bool login = talk.stage == Stage::first && plan_.login && plan_.asks_login;
  talk.stage = login ? Stage::login : Stage::request;
  talk.heard.clear();
  talk.out.clear();
  talk.sent = 0;
  talk.speaking = false;
  return true;
}

}  // namespace sim
