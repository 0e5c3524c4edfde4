#include "actors.hpp"

#include <algorithm>

namespace sim {
namespace {

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::size_t kPiece = 64;

sys::Address address_of(std::size_t index, bool second) {
  sys::Address address = sys::loopback4(80);
  address.bytes = {10, static_cast<std::uint8_t>(second ? 1 : 0), 0, static_cast<std::uint8_t>(index + 1)};
  return address;
}

std::string lines(const Headers& headers) {
  std::string out;
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
  return out;
}

std::string chunked(const OriginPlan& plan) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out, rest = plan.body;
  const auto put = [&out](const std::string& piece) {
    std::string size;
    for (std::size_t n = piece.size(); n > 0; n /= 16) size.insert(size.begin(), kHex[n % 16]);
    out += size + ";x=y\r\n" + piece + "\r\n";
  };
  for (const std::size_t size : plan.chunks) {
    const std::string piece = rest.substr(0, size);
    if (piece.empty()) break;
    put(piece);
    rest.erase(0, piece.size());
  }
  if (!rest.empty()) put(rest);
  return out + "0\r\nTrailer: dropped\r\n\r\n";
}

bool bodiless(const Pair& pair) {
  return pair.client.method == "HEAD" || pair.origin.status == 204 || pair.origin.status == 304;
}

std::string status_line(const char* version, int status) { return version + std::to_string(status) + " Said So\r\n"; }

}  // namespace

std::string host_of(std::size_t index, bool by_name) {
  const std::string number = std::to_string(index + 1);
  return by_name ? "o" + number + ".test" : "10.0.0." + number;
}

std::string request_sent(const Pair& pair, std::size_t index) {
  const ClientPlan& c = pair.client;
  const std::string host = host_of(index, pair.by_name);
  std::string out = c.method + " http://" + host + c.path + (c.http11 ? " HTTP/1.1\r\nHost: " + host + "\r\n" : " HTTP/1.0\r\n");
  out += "Proxy-Connection: keep-alive\r\n" + lines(c.headers);
  if (c.expects_continue) out += "Expect: 100-continue\r\n";
  if (c.has_body) out += "Content-Length: " + std::to_string(c.body.size()) + "\r\n";
  return out + "\r\n" + c.body;
}

std::string request_expected(const Pair& pair, std::size_t index, const ParentPlan& parent) {
  const ClientPlan& c = pair.client;
  const std::string host = host_of(index, pair.by_name);
  std::string out = c.method + " " + target_expected(parent, host, c.path) + " HTTP/1.0\r\nHost: " + host + "\r\n" + lines(c.headers);
  if (c.expects_continue) out += "Expect: 100-continue\r\n";
  if (c.has_body) out += "Content-Length: " + std::to_string(c.body.size()) + "\r\n";
  out += login_expected(parent) + "Via: " + (c.http11 ? "1.1" : "1.0") + " proxy\r\nConnection: close\r\n\r\n";
  return out + c.body;
}

std::string response_sent(const Pair& pair) {
  const OriginPlan& o = pair.origin;
  std::string out;
  for (int i = 0; i < o.interims; ++i) out += "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n";
  out += status_line("HTTP/1.1 ", o.status) + "Date: " + std::string{kDate} + "\r\n" + lines(o.headers);
  if (o.framing == OriginPlan::Framing::length && o.status != 204)
    out += "Content-Length: " + std::to_string(o.body.size()) + "\r\n";
  if (o.framing == OriginPlan::Framing::chunked) out += "Transfer-Encoding: chunked\r\n";
  out += "Connection: x-hop\r\nX-Hop: gone\r\n\r\n";
  if (bodiless(pair)) return out;
  return out + (o.framing == OriginPlan::Framing::chunked ? chunked(o) : o.body);
}

std::string response_expected(const Pair& pair) {
  const OriginPlan& o = pair.origin;
  std::string out = status_line("HTTP/1.0 ", o.status) + "Date: " + std::string{kDate} + "\r\n" + lines(o.headers);
  if (o.framing == OriginPlan::Framing::length && o.status != 204)
    out += "Content-Length: " + std::to_string(o.body.size()) + "\r\n";
  out += "Via: 1.1 proxy\r\nConnection: close\r\n\r\n";
  return bodiless(pair) ? out : out + o.body;
}

bool knows_length(const Pair& pair) { return bodiless(pair) || pair.origin.framing == OriginPlan::Framing::length; }

Target target_of(const Pair& pair, std::size_t index) {
  Target target{host_of(index, pair.by_name)};
  switch (pair.origin.manner) {
    case OriginPlan::Manner::refuses: target.reply = 5; break;
    case OriginPlan::Manner::swallows: target.reply = 6; break;
    case OriginPlan::Manner::unknown: target.reply = 4; break;
    case OriginPlan::Manner::nameless: target.reply = -1; break;
    default: break;
  }
  return target;
}

int status_of_way(const Pair& pair, const ParentPlan& parent) {
  if (parent.kind != ParentPlan::Kind::none) return status_of(parent, false, target_of(pair, 0).reply);
  return pair.origin.spots.empty() ? 0 : status_of(pair.origin.spots);
}

// ---- the client ------------------------------------------------------------------------------------------

Client::Client(World& world, const Pair& pair, std::size_t index)
    : world_(world), plan_(pair.client), request_(request_sent(pair, index)) {
  if (plan_.manner == ClientPlan::Manner::garbage) request_ = "\x16\x03\x01 not HTTP at all\r\n\r\n";
  if (plan_.manner == ClientPlan::Manner::surplus) request_ += "GET http://x/ HTTP/1.0\r\n\r\n";
  if (plan_.manner == ClientPlan::Manner::silent) request_.clear();
  if (plan_.manner == ClientPlan::Manner::raw) request_ = plan_.body;
  if (plan_.pause_ms > 0) waiting_until_ = world.now() + plan_.pause_ms;
}

void Client::leave(bool by_reset) {
  over_ = left = true;
  waiting_until_ = 0;
  by_reset ? world_.remote_rst(*connection_) : world_.remote_close(*connection_);
}

bool Client::send() {
  using Manner = ClientPlan::Manner;
  const bool cuts = plan_.manner == Manner::vanish || plan_.manner == Manner::reset || plan_.manner == Manner::stall;
  const std::size_t end = cuts ? std::min(plan_.cut, request_.size()) : request_.size();
  if (sent_ < end) {
    const std::size_t piece = world_.chooser().some(std::min(end - sent_, kPiece * 8));
    const std::size_t taken = world_.remote_send(*connection_, std::string_view{request_}.substr(sent_, piece));
    sent_ += taken;
    return taken > 0;
  }
  if (plan_.manner == Manner::vanish || plan_.manner == Manner::reset) {
    leave(plan_.manner == Manner::reset);
    return true;
  }
  const bool half_closes = plan_.manner == Manner::half_close || (plan_.manner == Manner::raw && plan_.cut % 2 == 1);
  if (half_closes && !shut_) {
    shut_ = true;
    world_.remote_shutdown(*connection_);
    return true;
  }
  return false;
}

bool Client::read() {
  using Manner = ClientPlan::Manner;
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
  saw_eof = c.down.fin_arrived;
  saw_reset = c.remote_reset && !saw_eof;
  over_ = true;
  world_.remote_close(c);
  return true;
}

bool Client::act() {
  if (over_ || waiting_until_ > world_.now()) return false;
  waiting_until_ = 0;
  if (!connection_) {
    connection_ = world_.connect_to_program(8080);
    over_ = refused = !connection_;
    refused_in_ = world_.edition;
    return true;
  }
  // Both directions at once, in any order.
  if (world_.chooser().choose(2) == 0) return send() || read();
  return read() || send();
}

// ---- the origin ------------------------------------------------------------------------------------------

Origin::Origin(World& world, const Pair& pair, std::size_t index, const ParentPlan& parent)
    : world_(world), plan_(pair.origin), response_(response_sent(pair)) {
  using Manner = OriginPlan::Manner;
  const std::string expected = request_expected(pair, index, parent);
  request_length_ = expected.size();
  head_length_ = expected.size() - pair.client.body.size();
  if (plan_.manner == Manner::garbage) response_ = "SSH-2.0-OpenSSH_9.2\r\n\r\n";
  if (plan_.manner == Manner::raw) response_ = plan_.body;
  if (plan_.manner == Manner::cuts || plan_.manner == Manner::breaks)
    response_.resize(std::min(plan_.cut, response_.size()));
  if (plan_.manner == Manner::closes || plan_.manner == Manner::resets) response_.clear();
  if (parent.kind == ParentPlan::Kind::none) listen(pair, index);
}

void Origin::listen(const Pair& pair, std::size_t index) {
  using Manner = OriginPlan::Manner;
  if (!plan_.spots.empty()) {
    hosts_ = put_hosts(world_, index, 80, plan_.spots);
    world_.names[host_of(index, true)] = found_at(index, plan_.spots.size());
    return;
  }
  if (plan_.manner == Manner::second) {
    hosts_ = {&world_.host(address_of(index, true), World::Host::Manner::accepts)};
  } else if (plan_.manner != Manner::refuses) {
    const bool swallows = plan_.manner == Manner::swallows;
    hosts_ = {&world_.host(address_of(index, false), swallows ? World::Host::Manner::swallows : World::Host::Manner::accepts)};
  }
  if (plan_.manner == Manner::unknown || !pair.by_name) return;
  net::Found found;
  found.what = net::Found::What::found;
  found.ttl_ms = 1000;
  found.addresses.add(address_of(index, false));
  if (plan_.manner == Manner::second) found.addresses.add(address_of(index, true));
  found.addresses.set_port(0);
  world_.names[host_of(index, true)] = found;
}

void Origin::take_over(const ConnectionPtr& connection, const std::string& begun) {
  ++connections;
  if (!connection_) connection_ = connection;
  got += begun;
}

// Only one of the connections to its addresses may carry the request; the others must end without a byte.
bool Origin::attend() {
  for (World::Host* host : hosts_) {
    if (host->arrivals.empty()) continue;
    untried_.push_back(host->arrivals.front());
    host->arrivals.pop_front();
    return true;
  }
  for (auto at = untried_.begin(); at != untried_.end(); ++at) {
    Connection& c = **at;
    if (c.down.arrived.empty() && !c.down.fin_arrived && !c.remote_reset) continue;
    if (!c.down.arrived.empty() && connection_) world_.fault("bytes of a request arrived on two connection attempts");
    if (!c.down.arrived.empty())
      take_over(*at, "");
    else
      world_.remote_close(c);
    untried_.erase(at);
    return true;
  }
  return false;
}

bool Origin::read() {
  if (plan_.manner == OriginPlan::Manner::deaf || connection_->down.arrived.empty()) return false;
  got += world_.remote_read(*connection_, world_.chooser().some(4096));
  return true;
}

bool Origin::answer() {
  using Manner = OriginPlan::Manner;
  Connection& c = *connection_;
  if (plan_.manner == Manner::silent || plan_.manner == Manner::deaf) return false;
  const std::size_t needed = plan_.manner == Manner::early ? head_length_ : request_length_;
  const bool waits = plan_.manner != Manner::closes && plan_.manner != Manner::resets && plan_.manner != Manner::raw;
  if (got.size() < needed && waits) return false;
  if (sent_ < response_.size()) {
    const std::size_t piece = world_.chooser().some(std::min(response_.size() - sent_, kPiece * 8));
    const std::size_t taken = world_.remote_send(c, std::string_view{response_}.substr(sent_, piece));
    sent_ += taken;
    return taken > 0;
  }
  // An origin that responds early reads on, as in RFC 9112 section 9.6: else its response may be lost.
  // Half of them do not: then RST follows the response, which has arrived anyway.
  const bool hasty = plan_.manner == Manner::early && plan_.cut % 2 == 1;
  if (plan_.manner == Manner::keeps || (plan_.manner == Manner::early && !hasty)) return false;
  over = true;
  plan_.manner == Manner::resets || plan_.manner == Manner::breaks ? world_.remote_rst(c) : world_.remote_close(c);
  return true;
}

bool Origin::act() {
  if (!plan_.spots.empty() && attend()) return true;
  if (over) return false;
  if (!connection_) {
    if (!plan_.spots.empty() || hosts_.empty() || hosts_[0]->arrivals.empty()) return false;
    take_over(hosts_[0]->arrivals.front(), "");
    hosts_[0]->arrivals.pop_front();
    return true;
  }
  if (world_.chooser().choose(2) == 0 ? read() || answer() : answer() || read()) return true;
  if (!connection_->down.arrived.empty() || (!connection_->down.fin_arrived && !connection_->remote_reset)) return false;
  over = true;
  world_.remote_close(*connection_);
  return true;
}

}  // namespace sim
