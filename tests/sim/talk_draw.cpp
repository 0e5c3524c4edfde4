// Scenarios of keep-alive connections: drawing, describing and shrinking.
#include <algorithm>

#include "history.hpp"

namespace sim {
namespace {

std::string draw_bytes(Chooser& chooser) {
  static constexpr std::size_t kSizes[] = {0, 1, 5, 100, 2000, 9000, 40'000, 100'000};
  const std::size_t size = kSizes[chooser.choose(chooser.choose(8) == 0 ? 8 : 6)];
  std::string body(size, '\0');
  const std::uint32_t salt = chooser.choose(251);
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>((i * 31 + i / 251 + salt) & 0xff);
  return body;
}

Headers draw_headers(Chooser& chooser, const char* prefix) {
  Headers headers;
  for (std::uint32_t i = chooser.choose(3); i > 0; --i) headers.emplace_back(prefix + std::to_string(i % 2), "v" + std::to_string(i));
  return headers;
}

std::vector<std::size_t> draw_chunks(Chooser& chooser) {
  std::vector<std::size_t> chunks;
  for (std::uint32_t i = chooser.choose(4); i > 0; --i) chunks.push_back(1 + chooser.choose(300));
  return chunks;
}

Answer draw_answer(Chooser& chooser) {
  using Manner = Answer::Manner;
  Answer answer;
  static constexpr int kStatus[] = {200, 200, 200, 404, 204, 304};
  const bool kind = chooser.choose(8) != 0;
  answer.manner = static_cast<Manner>(kind ? chooser.choose(10) == 0 : chooser.choose(9));
  answer.framing = static_cast<OriginPlan::Framing>(chooser.choose(3));
  const bool open_ended = answer.framing == OriginPlan::Framing::eof;
  // A response that ends with the stream cannot come early, and no bytes follow it.
  if (open_ended && (answer.manner == Manner::early || answer.manner == Manner::surplus)) answer.framing = OriginPlan::Framing::length;
  answer.status = kStatus[chooser.choose(6)];
  answer.interims = chooser.choose(6) == 0 ? static_cast<int>(chooser.choose(3)) : 0;
  answer.continues = chooser.choose(2) == 0;
  answer.says_close = chooser.choose(6) == 0 && answer.manner != Manner::surplus;
  answer.agrees = chooser.choose(2) == 0;
  answer.headers = draw_headers(chooser, "X-B");
  answer.body = draw_bytes(chooser);
  answer.cut = chooser.choose(600);
  answer.chunks = draw_chunks(chooser);
  return answer;
}

Ask draw_ask(Chooser& chooser, std::size_t houses) {
  Ask ask;
  static constexpr const char* kMethods[] = {"GET", "GET", "GET", "HEAD", "POST", "PUT", "BREW"};
  ask.method = kMethods[chooser.choose(7)];
  ask.http11 = chooser.choose(10) != 0;
  ask.close = ask.http11 && chooser.choose(10) == 0;
  ask.headers = draw_headers(chooser, "X-A");
  const bool has_body = ask.method == "POST" || ask.method == "PUT" || chooser.choose(8) == 0;
  if (has_body) ask.framing = ask.http11 && chooser.choose(2) == 0 ? Ask::Framing::chunked : Ask::Framing::length;
  if (has_body) ask.body = draw_bytes(chooser);
  ask.chunks = draw_chunks(chooser);
  ask.expects = ask.http11 && has_body && chooser.choose(4) == 0;
  ask.house = chooser.choose(static_cast<std::uint32_t>(houses));
  ask.answer = draw_answer(chooser);
  return ask;
}

TunnelPlan draw_tunnel(Chooser& chooser) {
  TunnelPlan tunnel;
  tunnel.up = draw_bytes(chooser);
  tunnel.down = draw_bytes(chooser);
  tunnel.early = chooser.choose(2) == 0;
  const std::uint32_t order = chooser.choose(3);
  tunnel.client_waits = order == 1;
  tunnel.origin_waits = order == 2;
  tunnel.origin_breaks = chooser.choose(6) == 0;
  return tunnel;
}

// Turns the last request into a tunnel to an origin of its own.
void draw_connect(Chooser& chooser, Scenario& scenario, Ask& ask) {
  ask.kind = Ask::Kind::connect;
  ask.method = "CONNECT";
  ask.framing = Ask::Framing::none;
  ask.close = ask.expects = false;
  ask.body.clear();
  ask.headers.clear();
  ask.answer = Answer{};
  ask.tunnel = draw_tunnel(chooser);
  ask.house = scenario.houses.size();
  HousePlan house;
  house.tunnel = true;
  house.by_name = chooser.choose(2) == 0;
  if (chooser.choose(8) == 0) house.manner = HousePlan::Manner::refuses;
  scenario.houses.push_back(house);
}

void draw_upgrade(Chooser& chooser, Ask& ask) {
  ask.kind = Ask::Kind::upgrade;
  ask.method = "GET";
  ask.framing = Ask::Framing::none;
  ask.http11 = true;
  ask.close = ask.expects = false;
  ask.body.clear();
  if (ask.answer.agrees) ask.tunnel = draw_tunnel(chooser);
  if (ask.answer.agrees && (ask.answer.manner == Answer::Manner::surplus || ask.answer.manner == Answer::Manner::early))
    ask.answer.manner = Answer::Manner::whole;
}

Visit draw_visit(Chooser& chooser, Scenario& scenario, std::size_t houses) {
  Visit visit;
  visit.manner = chooser.choose(2) == 0 ? Visit::Manner::plain : static_cast<Visit::Manner>(chooser.choose(8));
  visit.pipelines = chooser.choose(2) == 0;
  visit.cut = chooser.choose(chooser.choose(2) == 0 ? 400 : 3000);
  visit.pause_ms = chooser.choose(3) == 0 ? chooser.choose(50) : 0;
  visit.start_ms = chooser.choose(3) == 0 ? chooser.choose(50) : 0;
  for (std::uint32_t i = 1 + chooser.choose(4); i > 0; --i) visit.asks.push_back(draw_ask(chooser, houses));
  const std::uint32_t last = chooser.choose(8);
  if (last == 0) draw_connect(chooser, scenario, visit.asks.back());
  if (last == 1) draw_upgrade(chooser, visit.asks.back());
  // A login, by NTLM or by Basic. It follows from what was drawn, so that recorded seeds keep their meaning.
  Ask& asks = visit.asks[visit.cut % visit.asks.size()];
  if (visit.cut % 4 == 1 && asks.kind != Ask::Kind::connect)
    asks.headers.emplace_back("Authorization", visit.cut % 16 == 1 ? "Basic x" : "NTLM x");
  return visit;
}

HousePlan draw_house(Chooser& chooser) {
  HousePlan house;
  house.by_name = chooser.choose(2) == 0;
  if (chooser.choose(12) == 0) house.manner = HousePlan::Manner::refuses;
  if (house.by_name && chooser.choose(6) == 0) house.manner = HousePlan::Manner::second;
  house.serves = chooser.choose(2) == 0 ? 1 + chooser.choose(3) : 0;
  static constexpr std::uint64_t kIdle[] = {0, 0, 1, 10, 45};
  house.idle_ms = kIdle[chooser.choose(5)];
  house.resets = chooser.choose(4) == 0;
  return house;
}

void limit(std::string& bytes, std::size_t most) {
  if (bytes.size() > most) bytes.resize(most);
}

std::string text_of(const Ask& ask) {
  static constexpr std::string_view kManners[] = {"whole", "early", "surplus", "closes", "resets",
                                                  "cuts",  "breaks", "silent", "garbage"};
  static constexpr std::string_view kFramings[] = {"none", "length", "chunked"};
  static constexpr std::string_view kOthers[] = {"length", "eof", "chunked"};
  static constexpr std::string_view kKinds[] = {"", " for a tunnel", " for an upgrade"};
  std::string out = ask.method + (ask.http11 ? " 1.1" : " 1.0") + std::string{kKinds[static_cast<std::size_t>(ask.kind)]};
  out += (ask.close ? " close" : "") + std::string{ask.expects ? " expects 100" : ""} + " body " +
         std::string{kFramings[static_cast<std::size_t>(ask.framing)]} + " " + std::to_string(ask.body.size()) + " to " +
         std::to_string(ask.house);
  const Answer& answer = ask.answer;
  out += "; " + std::string{kManners[static_cast<std::size_t>(answer.manner)]} + " " + std::to_string(answer.status) + " " +
         std::string{kOthers[static_cast<std::size_t>(answer.framing)]} + " " + std::to_string(answer.body.size()) + " interims " +
         std::to_string(answer.interims) + (answer.continues ? " continues" : "") + (answer.says_close ? " says close" : "") +
         (answer.agrees ? " agrees" : "") + (answer.apart ? " apart" : "") + " cut " + std::to_string(answer.cut) + (oddity_name(ask).empty() ? "" : " odd: ") +
         std::string{oddity_name(ask)};
  if (!has_tunnel(ask)) return out;
  const TunnelPlan& tunnel = ask.tunnel;
  return out + "; up " + std::to_string(tunnel.up.size()) + " down " + std::to_string(tunnel.down.size()) +
         (tunnel.early ? " early" : "") + (tunnel.client_waits ? " client waits" : "") +
         (tunnel.origin_waits ? " origin waits" : "") + (tunnel.origin_breaks ? " origin breaks" : "");
}

}  // namespace

void draw_talk(Chooser& chooser, Scenario& scenario) {
  scenario.http10 = false;
  const std::size_t houses = 1 + chooser.choose(2);
  for (std::size_t i = 0; i < houses; ++i) scenario.houses.push_back(draw_house(chooser));
  for (std::size_t i = 0, count = 1 + chooser.choose(3); i < count; ++i)
    scenario.visits.push_back(draw_visit(chooser, scenario, houses));
  static constexpr std::size_t kKept[] = {64, 64, 2, 1, 0};
  scenario.keep_upstreams = kKept[chooser.choose(5)];
}

// A pipelining client whose requests all go to one origin, over a connection that is kept.
void make_plain(Visit& visit) {
  visit.pipelines = true;
  visit.manner = Visit::Manner::plain;
  std::erase_if(visit.asks, [](const Ask& ask) { return ask.kind != Ask::Kind::plain; });
  if (visit.asks.empty()) visit.asks.resize(1);
  for (Ask& ask : visit.asks) {
    Ask plain;
    plain.headers = ask.headers;
    plain.answer = ask.answer;
    ask = plain;
    ask.answer.framing = OriginPlan::Framing::length;
    ask.answer.says_close = false;
    ask.answer.manner = Answer::Manner::surplus;
  }
}

void draw_surplus(Chooser& chooser, Scenario& scenario) {
  scenario.temper.overtake = chooser.choose(4);
  if (!scenario.visits.empty() && chooser.choose(8) == 0) {
    scenario.houses.resize(1);
    scenario.houses[0].serves = 0;
    scenario.keep_upstreams = 64;
    for (Visit& visit : scenario.visits) make_plain(visit);
  }
  for (Visit& visit : scenario.visits)
    for (Ask& ask : visit.asks) ask.answer.apart = ask.answer.manner == Answer::Manner::surplus && chooser.choose(2) == 0;
}

void limit_talk(Scenario& scenario, std::size_t most) {
  for (Visit& visit : scenario.visits)
    for (Ask& ask : visit.asks)
      for (std::string* bytes : {&ask.body, &ask.answer.body, &ask.tunnel.up, &ask.tunnel.down}) limit(*bytes, most);
}

std::string describe_talk(const Scenario& scenario) {
  static constexpr std::string_view kManners[] = {"plain", "half_close", "stays", "stop", "garbage", "vanish", "reset", "leave"};
  static constexpr std::string_view kHouses[] = {"accepts", "refuses", "second"};
  std::string out;
  for (std::size_t i = 0; i < scenario.visits.size(); ++i) {
    const Visit& visit = scenario.visits[i];
    out += "  visit " + std::to_string(i) + ": " + std::string{kManners[static_cast<std::size_t>(visit.manner)]} +
           (visit.pipelines ? " pipelines" : "") + " cut " + std::to_string(visit.cut) + " pause " +
           std::to_string(visit.pause_ms) + " start " + std::to_string(visit.start_ms) + "\n";
    for (const Ask& ask : visit.asks) out += "    " + text_of(ask) + "\n";
  }
  for (std::size_t i = 0; i < scenario.houses.size(); ++i) {
    const HousePlan& house = scenario.houses[i];
    out += "  origin " + std::to_string(i) + ": " + std::string{kHouses[static_cast<std::size_t>(house.manner)]} +
           (house.by_name ? " by name" : "") + " serves " + std::to_string(house.serves) + " idle " +
           std::to_string(house.idle_ms) + (house.resets ? " resets" : "") +
           (house.spots.empty() ? "" : " at " + describe(house.spots)) + "\n";
  }
  return out + "  kept " + std::to_string(scenario.keep_upstreams) + "\n";
}

void shrink_talk(Scenario& best, const std::function<void(const std::function<void(Scenario&)>&)>& attempt) {
  for (std::size_t i = 0; i < best.visits.size() && best.visits.size() > 1;) {
    const std::size_t before = best.visits.size();
    attempt([i](Scenario& s) { s.visits.erase(s.visits.begin() + static_cast<std::ptrdiff_t>(i)); });
    if (best.visits.size() == before) ++i;
  }
  for (std::size_t i = 0; i < best.visits.size(); ++i) {
    for (std::size_t k = 0; k < best.visits[i].asks.size() && best.visits[i].asks.size() > 1;) {
      const std::size_t before = best.visits[i].asks.size();
      attempt([i, k](Scenario& s) { s.visits[i].asks.erase(s.visits[i].asks.begin() + static_cast<std::ptrdiff_t>(k)); });
      if (best.visits[i].asks.size() == before) ++k;
    }
    attempt([i](Scenario& s) { s.visits[i].manner = Visit::Manner::plain; });
    attempt([i](Scenario& s) { s.visits[i].pipelines = false; });
    attempt([i](Scenario& s) { s.visits[i].pause_ms = s.visits[i].start_ms = 0; });
    for (std::size_t k = 0; k < best.visits[i].asks.size(); ++k) {
      const auto change = [&attempt, i, k](const std::function<void(Ask&)>& what) {
        attempt([&what, i, k](Scenario& s) { what(s.visits[i].asks[k]); });
      };
      change([](Ask& a) { a.answer.manner = Answer::Manner::whole; });
      change([](Ask& a) { a.answer.framing = OriginPlan::Framing::length; });
      change([](Ask& a) { a.answer.body.resize(a.answer.body.size() / 8); });
      change([](Ask& a) { a.body.resize(a.body.size() / 8); });
      change([](Ask& a) { a.tunnel.up.resize(a.tunnel.up.size() / 8); });
      change([](Ask& a) { a.tunnel.down.resize(a.tunnel.down.size() / 8); });
      change([](Ask& a) { a.headers.clear(); a.answer.headers.clear(); });
      change([](Ask& a) { a.answer.interims = 0; });
      change([](Ask& a) { a.expects = a.close = false; });
      change([](Ask& a) { if (a.kind == Ask::Kind::plain) { a.framing = Ask::Framing::none; a.body.clear(); a.method = "GET"; a.expects = false; } });
      change([](Ask& a) { a.answer.says_close = false; });
    }
  }
  for (std::size_t i = 0; i < best.houses.size(); ++i) {
    attempt([i](Scenario& s) { s.houses[i].serves = 0; });
    attempt([i](Scenario& s) { s.houses[i].idle_ms = 0; });
    attempt([i](Scenario& s) { s.houses[i].by_name = false; s.houses[i].manner = HousePlan::Manner::accepts; s.houses[i].spots.clear(); });
  }
}

}  // namespace sim
