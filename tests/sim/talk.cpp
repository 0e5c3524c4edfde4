#include "talk.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace sim {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::string_view kSurplus = "HTTP/1.1 200 Smuggled\r\nContent-Length: 8\r\n\r\nsmuggled";
constexpr std::string_view kGarbage = "\x16\x03\x01 not HTTP at all\r\n\r\n";
constexpr std::size_t kPieceMost = 512;
constexpr std::uint64_t kPatienceMs = 1000;

std::string lines(const Headers& headers) {
  std::string out;
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
  return out;
}

std::string in_chunks(const std::string& body, const std::vector<std::size_t>& sizes, const ChunkForm& form = {}) {
  std::string out;
  const std::string end{form.end};
  const auto put = [&out, &form, &end](std::string_view piece) {
    if (piece.empty()) return;
    std::array<char, 24> size;
    out.append(size.data(), static_cast<std::size_t>(std::snprintf(size.data(), size.size(), "%zX", piece.size())));
    (out += std::string{form.extension} + end).append(piece) += end;
  };
  std::string_view rest = body;
  for (const std::size_t size : sizes) {
    put(rest.substr(0, size));
    rest.remove_prefix(std::min(size, rest.size()));
  }
  put(rest);
  return out + "0" + end + std::string{form.trailer} + end + end;
}

sys::Address address_of(const HousePlan& house, std::size_t index, bool second) {
  sys::Address address = sys::loopback4(house.tunnel ? 443 : 80);
  address.bytes = {10, static_cast<std::uint8_t>(second ? 1 : 0), 0, static_cast<std::uint8_t>(index + 1)};
  return address;
}

std::string said_length(const std::string& body) { return "Content-Length: " + std::to_string(body.size()) + "\r\n"; }

std::string status_line(const Ask& ask) { return std::to_string(ask.answer.status) + " Said So\r\n"; }

constexpr std::string_view kDateLine = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

bool says_length(const Ask& ask) { return ask.answer.framing == OriginPlan::Framing::length && ask.answer.status != 204; }

std::string length_line(const Ask& ask) { return says_length(ask) ? said_length(ask.answer.body) : ""; }

std::size_t number_after(const std::string& head, std::string_view name) {
  const std::size_t at = head.find(name);
  return at == std::string::npos ? 0 : std::strtoull(head.c_str() + at + name.size(), nullptr, 10);
}

}  // namespace

// ---- the reference model ---------------------------------------------------------------------------------

std::string path_of(std::size_t visit, std::size_t nth) { return "/v" + std::to_string(visit) + "/" + std::to_string(nth); }

std::string house_name(const HousePlan& house, std::size_t index) {
  const std::string number = std::to_string(index + 1);
  return house.by_name ? "o" + number + ".test" : "10.0.0." + number;
}

bool bodiless(const Ask& ask) { return ask.method == "HEAD" || ask.answer.status == 204 || ask.answer.status == 304; }

bool is_repeatable(const Ask& ask) {
  const bool idempotent = ask.method == "GET" || ask.method == "HEAD" || ask.method == "PUT";
  return idempotent && ask.http11 && ask.kind == Ask::Kind::plain;
}

bool logs_in(const Ask& ask) {
  const auto login = [](const auto& header) { return header.first == "Authorization" && header.second == "NTLM x"; };
  return std::any_of(ask.headers.begin(), ask.headers.end(), login);
}

bool ends_by_eof(const Ask& ask) { return !bodiless(ask) && ask.answer.framing == OriginPlan::Framing::eof; }

std::string ask_head(const Visit& visit, std::size_t nth, std::size_t index, const std::vector<HousePlan>& houses) {
  const Ask& ask = visit.asks[nth];
  const std::string version = ask.http11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n";
  const std::string host = house_name(houses[ask.house], ask.house);
  if (ask.kind == Ask::Kind::connect) return "CONNECT " + host + ":443" + version + "Host: " + host + ":443\r\n\r\n";
  std::string out = ask.method + " http://" + host + path_of(index, nth) + version + "Host: " + host + "\r\n";
  out += "Proxy-Connection: keep-alive\r\n" + lines(ask.headers);
  if (ask.close) out += "Connection: close\r\n";
  if (ask.kind == Ask::Kind::upgrade) out += "Upgrade: talk\r\nConnection: upgrade\r\n";
  if (ask.expects) out += "Expect: 100-continue\r\n";
  if (ask.framing == Ask::Framing::length) out += said_length(ask.body);
  if (ask.framing == Ask::Framing::chunked) out += "Transfer-Encoding: chunked\r\n";
  return out + "\r\n";
}

Target target_of(const HousePlan& house, std::size_t index) {
  const int reply = house.manner == HousePlan::Manner::refuses ? 5 : 0;
  return {house_name(house, index), static_cast<std::uint16_t>(house.tunnel ? 443 : 80), reply};
}

int status_of_way(const Ask& ask, const HousePlan& house, const ParentPlan& parent) {
  if (parent.kind != ParentPlan::Kind::none)
    return status_of(parent, ask.kind == Ask::Kind::connect, target_of(house, 0).reply);
  if (house.manner == HousePlan::Manner::refuses) return 502;
  return house.spots.empty() ? 0 : status_of(house.spots);
}

std::string ask_head_expected(const Visit& visit, std::size_t nth, std::size_t index, const std::vector<HousePlan>& houses,
                              const ParentPlan& parent) {
  const Ask& ask = visit.asks[nth];
  const std::string host = house_name(houses[ask.house], ask.house);
  std::string out = ask.method + " " + target_expected(parent, host, path_of(index, nth)) + (ask.http11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
  out += "Host: " + host + "\r\n" + lines(ask.headers);
  if (ask.expects) out += "Expect: 100-continue\r\n";
  if (ask.framing == Ask::Framing::length) out += said_length(ask.body);
  out += login_expected(parent);
  if (ask.framing == Ask::Framing::chunked) out += "Transfer-Encoding: chunked\r\n";
  out += std::string{"Via: "} + (ask.http11 ? "1.1" : "1.0") + " proxy\r\n";
  if (ask.kind == Ask::Kind::upgrade) out += "Upgrade: talk\r\nConnection: Upgrade\r\n";
  if (!ask.http11) out += "Connection: close\r\n";
  return out + "\r\n";
}

std::string answer_sent(const Ask& ask) {
  const Answer& answer = ask.answer;
  std::string out;
  for (int i = 0; i < answer.interims; ++i)
    out += interim_made_odd(ask, "HTTP/1.1 103 Early\r\nLink: x\r\nConnection: x-hop\r\n\r\n");
  if (has_tunnel(ask)) return out + made_odd(ask, "HTTP/1.1 101 Now\r\nUpgrade: talk\r\nConnection: upgrade\r\n\r\n");
  std::string head = "HTTP/1.1 " + status_line(ask) + std::string{kDateLine} + lines(answer.headers) + length_line(ask);
  const bool chunked = answer.framing == OriginPlan::Framing::chunked && answer.status != 204;
  if (chunked) head += "Transfer-Encoding: chunked\r\n";
  head += std::string{"Connection: x-hop"} + (answer.says_close ? ", close" : "") + "\r\nX-Hop: gone\r\n\r\n";
  out += made_odd(ask, head);
  if (bodiless(ask)) return out;
  return out + (chunked ? in_chunks(answer.body, answer.chunks, chunk_form(ask)) : answer.body);
}

std::vector<std::string> interims_expected(const Ask& ask) {
  std::vector<std::string> all;
  if (!ask.http11) return all;
  if (ask.expects && ask.answer.continues) all.emplace_back("HTTP/1.1 100 Continue\r\nVia: 1.1 proxy\r\n\r\n");
  for (int i = 0; i < ask.answer.interims; ++i) all.emplace_back("HTTP/1.1 103 Early\r\nLink: x\r\nVia: 1.1 proxy\r\n\r\n");
  return all;
}

std::string answer_head_expected(const Ask& ask, bool close) {
  const std::string version = ask.http11 ? "HTTP/1.1 " : "HTTP/1.0 ";
  if (ask.kind == Ask::Kind::connect) return version + "200 Connection Established\r\n\r\n";
  if (has_tunnel(ask)) return "HTTP/1.1 101 Now\r\nVia: 1.1 proxy\r\nUpgrade: talk\r\nConnection: Upgrade\r\n\r\n";
  const Oddity oddity = oddity_of(ask);
  const std::string status = oddity == Oddity::no_phrase ? std::to_string(ask.answer.status) + " \r\n" : status_line(ask);
  std::string out = version + status + std::string{kDateLine} + lines(ask.answer.headers);
  if (oddity != Oddity::contradictory_lengths) out += length_line(ask);
  if (oddity == Oddity::controls) out += "X-Odd: a b  c\r\n";
  const bool chunked = ask.http11 && !bodiless(ask) && ask.answer.framing != OriginPlan::Framing::length;
  if (chunked) out += "Transfer-Encoding: chunked\r\n";
  out += is_version_1_0(ask) ? "Via: 1.0 proxy\r\n" : "Via: 1.1 proxy\r\n";
  return out + (close ? "Connection: close\r\n\r\n" : "\r\n");
}

bool is_own_head(const std::string& head) {
  constexpr std::string_view kStart = "HTTP/1.0 ";
  if (head.size() <= kStart.size() || (head.compare(0, kStart.size(), kStart) != 0 && head.compare(0, 9, "HTTP/1.1 ") != 0)) return false;
  return (head[9] == '4' || head[9] == '5') && head.find("\r\nVia:") == std::string::npos &&
         head.find(" Said So\r\n") == std::string::npos;
}

// ---- splitting a stream into messages --------------------------------------------------------------------

namespace {

// Moves bytes from `in` to `into` up to and including `mark`. Returns false if `mark` has not arrived.
bool take_until(std::string& into, std::string_view& in, std::string_view mark) {
  const std::size_t old = into.size();
  into.append(in);
  const std::size_t at = into.find(mark, old - std::min(old, mark.size() - 1));
  if (at == std::string::npos) {
    in = {};
    return false;
  }
  into.resize(at + mark.size());
  in.remove_prefix(into.size() - old);
  return true;
}

std::string_view take(std::string_view& in, std::size_t most) {
  const std::string_view piece = in.substr(0, most);
  in.remove_prefix(piece.size());
  return piece;
}

bool is_interim(const std::string& head) { return head.compare(9, 1, "1") == 0 && head.compare(9, 3, "101") != 0; }

}  // namespace

void Reader::feed(std::string_view bytes) {
  eaten += bytes.size();
  while (!bytes.empty() && wrong.empty()) step(bytes);
}

void Reader::end() {
  if (state_ == State::until_eof) finish();
}

void Reader::begin_body() {
  Message& message = messages.back();
  if (responses_ && message.head.size() > 12 && is_interim(message.head)) {
    message.interims.push_back(std::move(message.head));
    message.head.clear();
    return;
  }
  message.head_whole = true;
  const Body body = judge_(messages.size() - 1, message.head);
  if (body == Body::tunnel) {
    message.whole = true;
    return begin_tunnel();
  }
  if (body == Body::to_eof) {
    message.until_eof = true;
    state_ = State::until_eof;
    return;
  }
  left_ = number_after(message.head, "\r\nContent-Length: ");
  const bool chunked = message.head.find("\r\nTransfer-Encoding: chunked\r\n") != std::string::npos;
  const bool length = message.head.find("\r\nContent-Length: ") != std::string::npos;
  message.until_eof = body == Body::as_said && responses_ && !chunked && !length;
  if (body == Body::none || (!chunked && !message.until_eof && left_ == 0)) return finish();
  line_.clear();
  state_ = chunked ? State::size : length ? State::length : State::until_eof;
}

void Reader::begin_chunk() {
  char* rest = nullptr;
  left_ = std::strtoull(line_.c_str(), &rest, 16);
  if (rest == line_.c_str() || std::string_view{rest} != "\r\n") wrong = "invalid chunk size: " + line_;
  state_ = left_ == 0 ? State::last : State::data;
  line_.clear();
}

void Reader::step(std::string_view& in) {
  if (state_ == State::head && (messages.empty() || messages.back().whole)) messages.emplace_back();
  switch (state_) {
    case State::head:
      if (take_until(messages.back().head, in, kEnd)) begin_body();
      return;
    case State::length:
    case State::data: {
      const std::string_view piece = take(in, left_);
      messages.back().body += piece;
      left_ -= piece.size();
      if (left_ > 0) return;
      if (state_ == State::length) return finish();
      state_ = State::data_end;
      return;
    }
    case State::size:
      if (take_until(line_, in, "\r\n")) begin_chunk();
      return;
    case State::data_end:
    case State::last:
      line_ += take(in, 2 - line_.size());
      if (line_ != std::string_view{"\r\n"}.substr(0, line_.size())) wrong = "a chunk does not end";
      if (line_.size() < 2) return;
      line_.clear();
      if (state_ == State::last) return finish();
      state_ = State::size;
      return;
    case State::until_eof: messages.back().body += take(in, in.size()); return;
    case State::tunnel: tunnel += take(in, in.size()); return;
  }
}

// ---- the client ------------------------------------------------------------------------------------------

Visitor::Visitor(World& world, const Visit& plan, std::size_t index, const std::vector<HousePlan>& houses)
    : reader(true,
             [&plan](std::size_t nth, const std::string& head) {
               if (nth >= plan.asks.size()) return Reader::Body::as_said;
               const Ask& ask = plan.asks[nth];
               const std::string status = head.substr(std::min<std::size_t>(9, head.size()), 3);
               if (status == "101" || (ask.kind == Ask::Kind::connect && status == "200")) return Reader::Body::tunnel;
               // A request that could not be parsed may have been a HEAD, and its response may still have a body.
               const bool closes = head.find("\r\nConnection: close\r\n") != std::string::npos;
               if (ask.method == "HEAD" && is_own_head(head) && closes) return Reader::Body::to_eof;
               const bool none = ask.method == "HEAD" || status == "204" || status == "304";
               return none ? Reader::Body::none : Reader::Body::as_said;
             }),
      world_(world),
      plan_(plan) {
  for (std::size_t nth = 0; nth < plan.asks.size(); ++nth) {
    const Ask& ask = plan.asks[nth];
    out_ += ask_head(plan, nth, index, houses);
    heads_.push_back(out_.size());
    out_ += ask.framing == Ask::Framing::chunked ? in_chunks(ask.body, ask.chunks) : ask.body;
    tunnel_start_ = out_.size();
    if (has_tunnel(ask)) out_ += ask.tunnel.up;
    ends_.push_back(has_tunnel(ask) && !ask.tunnel.early ? tunnel_start_ : out_.size());
  }
  if (plan.manner == Visit::Manner::garbage && !has_tunnel(plan.asks.back())) ends_.back() = (out_ += kGarbage).size();
  waiting_until_ = plan.start_ms > 0 ? world.now() + plan.start_ms : 0;
}

std::string_view Visitor::tunnel_sent() const {
  return std::string_view{out_}.substr(0, sent_).substr(std::min(sent_, tunnel_start_));
}

std::uint64_t Visitor::next_time() const {
  if (waiting_until_ == 0 || patience_until_ == 0) return std::max(waiting_until_, patience_until_);
  return std::min(waiting_until_, patience_until_);
}

// The proxy has announced Connection: close.
bool Visitor::closing() const {
  if (answered() == 0 || reader.in_tunnel()) return false;
  const std::string& head = reader.messages[answered() - 1].head;
  return head.compare(0, 9, "HTTP/1.0 ") == 0 || head.find("\r\nConnection: close\r\n") != std::string::npos;
}

bool Visitor::waits_for_100() const {
  const std::size_t nth = answered();
  if (impatient_ || plan_.pipelines || nth >= plan_.asks.size() || !plan_.asks[nth].expects) return false;
  const bool heard = reader.messages.size() > nth && (!reader.messages[nth].interims.empty() || reader.messages[nth].head_whole);
  return !heard;
}

std::size_t Visitor::may_send() const {
  if (reader.in_tunnel()) return out_.size();
  if (plan_.pipelines) return ends_.back();
  const std::size_t nth = answered();
  if (closing()) return sent_;
  if (nth >= ends_.size()) return ends_.back();
  return waits_for_100() ? heads_[nth] : ends_[nth];
}

bool Visitor::leave(bool by_reset) {
  over_ = true;
  waiting_until_ = patience_until_ = 0;
  by_reset ? world_.remote_rst(*connection_) : world_.remote_close(*connection_);
  return true;
}

// Everything that may be sent was sent.
bool Visitor::finish() {
  using Manner = Visit::Manner;
  const bool half_closes = plan_.manner == Manner::half_close && sent_ == ends_.back();
  const bool tunnel = has_tunnel(plan_.asks.back());
  const bool ends_tunnel = sent_ == out_.size() && (!plan_.asks.back().tunnel.client_waits || saw_eof);
  if (!shut_ && (tunnel ? ends_tunnel : half_closes)) {
    shut_ = true;
    world_.remote_shutdown(*connection_);
    return true;
  }
  if (tunnel && shut_ && saw_eof) return leave(false);
  const bool leaves = plan_.manner == Manner::plain || plan_.manner == Manner::stop;
  if (!tunnel && leaves && answered() == plan_.asks.size() && !closing()) return leave(false);
  return false;
}

bool Visitor::send() {
  using Manner = Visit::Manner;
  const bool cuts = plan_.manner == Manner::vanish || plan_.manner == Manner::reset;
  const std::size_t end = cuts ? std::min(plan_.cut, may_send()) : may_send();
  if (cuts && sent_ == std::min(plan_.cut, out_.size())) {
    left = true;
    return leave(plan_.manner == Manner::reset);
  }
  if (sent_ >= end) {
    if (waits_for_100() && patience_until_ == 0) patience_until_ = world_.now() + kPatienceMs;
    return finish();
  }
  if (plan_.pause_ms > 0 && paused_at_ < answered() && !reader.in_tunnel()) {
    paused_at_ = answered();
    waiting_until_ = world_.now() + plan_.pause_ms;
    return true;
  }
  const std::size_t piece = world_.chooser().some(std::min(end - sent_, kPieceMost));
  const std::size_t taken = world_.remote_send(*connection_, std::string_view{out_}.substr(sent_, piece));
  sent_ += taken;
  return taken > 0;
}

bool Visitor::hear_end() {
  if (saw_eof && !connection_->remote_reset) return false;
  if (!connection_->down.fin_arrived && !connection_->remote_reset) return false;
  saw_eof = connection_->down.fin_arrived;
  saw_reset = connection_->remote_reset && !saw_eof;
  if (saw_eof) reader.end();
  // In a tunnel the other direction goes on.
  if (reader.in_tunnel() && !connection_->remote_reset) return true;
  return leave(false);
}

bool Visitor::read() {
  using Manner = Visit::Manner;
  std::size_t most = 4096;
  const bool holds = (plan_.manner == Manner::stop && !stopped_) || plan_.manner == Manner::leave;
  if (holds) most = plan_.cut - std::min(plan_.cut, received_);
  if (holds && most == 0) {
    if (plan_.manner == Manner::leave) {
      left = true;
      return leave(false);
    }
    stopped_ = true;
    waiting_until_ = world_.now() + kPatienceMs;
    return true;
  }
  if (connection_->down.arrived.empty()) return hear_end();
  const std::string came = world_.remote_read(*connection_, world_.chooser().some(most));
  got += came;
  received_ += came.size();
  const std::size_t before = answered();
  reader.feed(came);
  if (answered() != before) {
    impatient_ = false;
    patience_until_ = 0;
  }
  return true;
}

bool Visitor::act() {
  if (patience_until_ != 0 && patience_until_ <= world_.now()) {
    patience_until_ = 0;
    impatient_ = true;
  }
  if (over_ || waiting_until_ > world_.now()) return false;
  waiting_until_ = 0;
  if (!connection_) {
    connection_ = world_.connect_to_program(8080);
    over_ = refused = !connection_;
    refused_in_ = world_.edition;
    return true;
  }
  // Both directions at once, in any order.
  if (world_.chooser().choose(2) == 0) return send() || (!over_ && read());
  return read() || (!over_ && send());
}

// ---- the origin ------------------------------------------------------------------------------------------

House::House(World& world, const std::vector<HousePlan>& houses, const std::vector<Visit>& visits, const ParentPlan& parent,
             std::size_t index)
    : world_(world), houses_(houses), visits_(visits), parent_(parent), index_(index) {
  if (!is_parent()) {
    plan_ = houses[index];
  } else {
    plan_.serves = parent.serves;
    plan_.idle_ms = parent.idle_ms;
    plan_.resets = parent.resets;
  }
  if (parent.kind == ParentPlan::Kind::none) listen();
}

void House::listen() {
  const bool refuses = plan_.manner == HousePlan::Manner::refuses;
  if (!plan_.spots.empty() && !refuses) {
    hosts_ = put_hosts(world_, index_, plan_.tunnel ? 443 : 80, plan_.spots);
    world_.names[house_name(plan_, index_)] = found_at(index_, plan_.spots.size());
    return;
  }
  const bool second = plan_.manner == HousePlan::Manner::second;
  if (!refuses) hosts_ = {&world_.host(address_of(plan_, index_, second), World::Host::Manner::accepts)};
  if (!plan_.by_name) return;
  net::Found found;
  found.what = net::Found::What::found;
  found.ttl_ms = 1000;
  found.addresses.add(address_of(plan_, index_, false));
  if (second) found.addresses.add(address_of(plan_, index_, true));
  found.addresses.set_port(0);
  world_.names[house_name(plan_, index_)] = found;
}

void House::take_over(const ConnectionPtr& connection, const std::string& begun) {
  Serving& serving = servings.emplace_back(*this, connection);
  serving.reader.feed(begun);
  serving.heard_before = connection->read + connection->up.flight.size() + connection->up.arrived.size();
  serving.said_before = connection->written - begun.size() - connection->down.flight.size() - connection->down.arrived.size();
}

std::uint64_t House::next_time() const {
  std::uint64_t next = 0;
  for (const Serving& serving : servings)
    if (const std::uint64_t time = serving.waiting_until; time != 0 && (next == 0 || time < next)) next = time;
  return next;
}

bool House::act() {
  for (World::Host* host : hosts_) {
    if (host->arrivals.empty()) continue;
    servings.emplace_back(*this, host->arrivals.front());
    host->arrivals.pop_front();
    return true;
  }
  if (servings.empty()) return false;
  const std::size_t first = servings.size() == 1 ? 0 : world_.chooser().choose(static_cast<std::uint32_t>(servings.size()));
  for (std::size_t i = 0; i < servings.size(); ++i)
    if (servings[(first + i) % servings.size()].act()) return true;
  return false;
}

House::Serving::Serving(House& house, ConnectionPtr with)
    : home(house),
      connection(std::move(with)),
      reader(false, [this](std::size_t, const std::string& head) { return take_head(head); }) {
  if (!house.plan_.tunnel) return;
  reader.begin_tunnel();
  in_tunnel = true;
  for (std::size_t visit = 0; visit < house.visits_.size(); ++visit) {
    const std::vector<Ask>& asks = house.visits_[visit].asks;
    if (asks.back().kind == Ask::Kind::connect && asks.back().house == house.index_) asked.emplace_back(visit, asks.size() - 1);
  }
}

const Ask& House::Serving::ask() const { return home.visits_[asked[answered].first].asks[asked[answered].second]; }

std::string_view House::Serving::tunnel_sent() const {
  return in_tunnel && !asked.empty() ? std::string_view{ask().tunnel.down}.substr(0, sent) : std::string_view{};
}

// Each head must be that of a request that a client sent to this origin, byte for byte.
Reader::Body House::Serving::take_head(const std::string& head) {
  const std::size_t visit = number_after(head, "/v");
  const std::size_t slash = head.find('/', head.find("/v") + 2);
  const std::size_t nth = slash == std::string::npos ? 0 : std::strtoull(head.c_str() + slash + 1, nullptr, 10);
  const auto& visits = home.visits_;
  if (visit >= visits.size() || nth >= visits[visit].asks.size() ||
      (visits[visit].asks[nth].house != home.index_ && !home.is_parent()) ||
      head != ask_head_expected(visits[visit], nth, visit, home.houses_, home.parent_)) {
    home.world_.fault("origin " + std::to_string(home.index_) + " received a head that no client sent: " + head);
    return Reader::Body::none;
  }
  // The response may have reached the proxy before the origin reads the next request.
  const bool free = asked.size() == answered || (asked.size() == answered + 1 && built && sent == out.size());
  // Unrequested bytes after the next request cannot be distinguished from its response.
  const bool clean = spoiled_from == ~std::size_t{0};
  if (!free && clean) home.world_.fault("a request was sent before the previous response");
  if (!asked.empty() && clean && is_version_1_0(visits[asked.back().first].asks[asked.back().second]))
    home.world_.fault("a request follows on a connection whose server speaks HTTP/1.0");
  asked.emplace_back(visit, nth);
  return has_tunnel(visits[visit].asks[nth]) ? Reader::Body::tunnel : Reader::Body::as_said;
}

bool House::Serving::close(bool by_reset) {
  over = true;
  waiting_until = 0;
  by_reset ? home.world_.remote_rst(*connection) : home.world_.remote_close(*connection);
  return true;
}

// A client that is logged in at an origin sends CONNECT over the same connection to the parent.
bool House::Serving::is_connect_next() const {
  return home.is_parent() && !reader.in_tunnel() && reader.messages.back().whole && connection->down.arrived.front() == 'C';
}

bool House::Serving::read() {
  if (connection->down.arrived.empty()) return false;
  if (is_connect_next()) {
    if (asked.size() != answered) return false;
    over = true;
    waiting_until = 0;
    home.hand_back(connection);
    return true;
  }
  reader.feed(home.world_.remote_read(*connection, home.world_.chooser().some(4096)));
  if (!reader.wrong.empty()) home.world_.fault("an origin has a malformed request: " + reader.wrong);
  return true;
}

// Appends the next bytes to send. Returns false if there are none.
bool House::Serving::build() {
  using Manner = Answer::Manner;
  if (built) return false;
  const Answer& answer = ask().answer;
  const Reader::Message& message = reader.messages[answered];
  if (!message.whole && answer.manner != Manner::early) {
    if (!ask().expects || !answer.continues || std::exchange(continued, true)) return false;
    out = "HTTP/1.1 100 Continue\r\n\r\n";
    return true;
  }
  built = true;
  std::string text = answer.manner == Manner::garbage ? "SSH-2.0-OpenSSH_9.2\r\n\r\n" : answer_sent(ask());
  // With the whole request at once it still sends 100: both sides of the model agree on it.
  if (ask().expects && answer.continues && !std::exchange(continued, true)) text.insert(0, "HTTP/1.1 100 Continue\r\n\r\n");
  const bool cut = answer.manner == Manner::cuts || answer.manner == Manner::breaks;
  if (cut) text.resize(std::min(answer.cut, text.size()));
  if (answer.manner == Manner::closes || answer.manner == Manner::resets) text.clear();
  out += text;
  if (answer.manner == Manner::surplus) {
    connection->unasked_from = heard_before + sent_before + out.size();
    spoiled_from = std::min(spoiled_from, connection->unasked_from);
    connection->asked_up_to = said_before + reader.eaten;
    packet_ends = answer.apart ? out.size() : 0;
    out += kSurplus;
  }
  return true;
}

bool House::Serving::send() {
  const std::size_t end = sent < packet_ends ? packet_ends : out.size();
  const std::size_t piece = home.world_.chooser().some(std::min(end - sent, kPieceMost));
  const std::size_t taken = home.world_.remote_send(*connection, std::string_view{out}.substr(sent, piece));
  sent += taken;
  return taken > 0;
}

// What the origin does after its response.
bool House::Serving::after_answer() {
  using Manner = Answer::Manner;
  const Answer& answer = ask().answer;
  switch (answer.manner) {
    case Manner::closes:
    case Manner::cuts:
    case Manner::garbage: return close(false);
    case Manner::resets:
    case Manner::breaks: return close(true);
    default: break;
  }
  if (has_tunnel(ask())) {
    in_tunnel = true;
    sent = 0;
    return true;
  }
  const bool last = home.plan_.serves != 0 && answered + 1 >= home.plan_.serves;
  const bool closes = last || answer.says_close || !ask().http11 || ends_by_eof(ask());
  // After an early response it reads on, as in RFC 9112 section 9.6, unless it is hasty.
  const bool hasty = answer.manner == Manner::early && answer.cut % 2 == 1 && closes;
  if (!reader.messages[answered].whole && !hasty) return false;
  if (closes) return close(false);
  sent_before += out.size();
  out.clear();
  sent = packet_ends = 0;
  built = continued = false;
  ++answered;
  if (home.plan_.idle_ms > 0) waiting_until = home.world_.now() + home.plan_.idle_ms;
  return true;
}

// Closes a connection that is idle for too long, even with bytes in flight.
bool House::Serving::idle() {
  if (waiting_until == 0 || waiting_until > home.world_.now()) return false;
  waiting_until = 0;
  if (!reader.messages.back().whole) return false;  // part of a head has arrived: not idle
  // A reset could destroy the previous response.
  const bool arrived = connection->up.flight.empty() && connection->up.arrived.empty();
  return close(home.plan_.resets && arrived);
}

bool House::Serving::answer() {
  if (in_tunnel) return relay();
  if (asked.size() == answered) return idle();
  waiting_until = 0;
  if (ask().answer.manner == Answer::Manner::silent) return false;
  if (sent < out.size()) return send();
  return build() || (built && after_answer());
}

// Both directions at once; `sent` counts the tunnel's bytes.
bool House::Serving::relay() {
  const TunnelPlan& tunnel = ask().tunnel;
  if (sent < tunnel.down.size()) {
    const std::size_t piece = home.world_.chooser().some(std::min(tunnel.down.size() - sent, kPieceMost));
    const std::size_t taken = home.world_.remote_send(*connection, std::string_view{tunnel.down}.substr(sent, piece));
    sent += taken;
    return taken > 0;
  }
  if (tunnel.origin_breaks) return close(true);
  if (shut || (tunnel.origin_waits && !saw_eof)) return false;
  shut = true;
  home.world_.remote_shutdown(*connection);
  return true;
}

bool House::Serving::act() {
  if (over) return false;
  if (home.world_.chooser().choose(2) == 0 ? read() || answer() : answer() || (!over && read())) return true;
  if (over || !connection->down.arrived.empty()) return false;
  if (connection->remote_reset) {
    saw_reset = !saw_eof;
    return close(false);
  }
  if (!connection->down.fin_arrived) return false;
  if (in_tunnel && !shut) return !std::exchange(saw_eof, true);
  saw_eof = true;
  return close(false);
}

}  // namespace sim
