// Histories of the other listeners: drawing, describing and shrinking.
#include <algorithm>

#include "roles_model.hpp"

namespace sim {

using namespace roles;

namespace {

constexpr std::size_t kSizes[] = {0, 1, 5, 100, 2000, 9000, 16'384, 40'000, 200'000};

std::string draw_said(Chooser& chooser, To to) {
  std::string said = bytes_of(kSizes[chooser.choose(9)], chooser.choose(251));
  if (to != To::lines) return said;
  for (char& c : said)
    if (c == '\n' || c == '\r') c = 'x';
  // All lines are short enough.
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

void draw_proxy_headers(Chooser& chooser, RolesPlan& plan) {
  if (chooser.choose(2) == 0) return;
  for (bool& has_header : plan.proxy_headers) has_header = chooser.choose(2) == 0;
  plan.header_version = static_cast<std::uint8_t>(chooser.choose(3));
  for (CallPlan& call : plan.calls)
    if (has_proxy_header(plan, call)) call.header = draw_proxy_header(chooser, plan.of_one);
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
    if (has_proxy_header(plan, call)) out += " header " + std::string{describe(call.header)};
    for (const CallPlan::Ask& ask : call.asks)
      out += " " + std::string{kWhat[static_cast<std::size_t>(ask.what)]} + ":" + std::to_string(ask.size);
    out += "\n";
  }
  for (const MemberPlan& member : plan.members)
    out += "  member " + std::string{kMembers[static_cast<std::size_t>(member.manner)]} + " cut " + std::to_string(member.cut) +
           " serves " + std::to_string(member.serves) + "\n";
  return out + "  large " + std::to_string(plan.large) + " balance " + std::to_string(plan.balance) + " header_version " + std::to_string(plan.header_version) + "\n";
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
  attempt([](RolesPlan& plan) { plan.header_version = 0; });
  attempt([](RolesPlan& plan) { plan.proxy_headers = {}; });
}

}  // namespace sim
