// Viewers of the board: drawing, describing and shrinking.
#include <algorithm>

#include "history.hpp"
#include "viewers_model.hpp"

namespace sim {

using namespace views;

namespace {

constexpr std::size_t kRoomOfLong = 4096;  // with less, a long page would take too many steps

ViewPlan draw_view(Chooser& chooser, bool has_long) {
  ViewPlan plan;
  plan.manner = chooser.choose(2) == 0 ? ViewManner::plain : static_cast<ViewManner>(chooser.choose(8));
  for (std::uint32_t i = 1 + chooser.choose(6); i > 0; --i)
    plan.asks.push_back(chooser.choose(static_cast<std::uint32_t>(has_long ? kRows.size() : kShort)));
  plan.pipelines = chooser.choose(4) == 0;
  plan.closes = chooser.choose(4) == 0;
  plan.cut = chooser.choose(chooser.choose(3) == 0 ? 20'000 : 400);
  plan.pause_ms = chooser.choose(3) == 0 ? chooser.choose(5000) : chooser.choose(20);
  return plan;
}

}  // namespace

void add_viewers(plan::Config& config, const ViewersPlan& plan) {
  if (!plan.own) return;
  config.board = plan::Board::own;
  plan::Listener& listener = config.listeners.emplace_back();
  listener.address = sys::loopback4(kBoardPort);
  listener.role = plan::Role::web;
  listener.sites = {config.sites.size()};
  plan::WebRoute route;
  route.kind = plan::RouteKind::board;
  config.sites.emplace_back().routes = {route};
}

void draw_viewers(Chooser& chooser, Scenario& scenario) {
  static constexpr std::size_t kRooms[] = {600, 4096, 65'536};
  if (scenario.temper.send_room < kRooms[0]) scenario.temper.send_room = kRooms[chooser.choose(3)];
  // A page takes up what all clients of one address may move, and others wait until their deadline.
  if (chooser.choose(2) == 0) scenario.client_bytes = {};
  const bool own = scenario.reloads.empty() && chooser.choose(4) == 0;
  scenario.viewers.own = own;
  if (own && scenario.descriptor_limit < 64) scenario.descriptor_limit += 2;  // for the acceptor and its reserved descriptor
  for (std::uint32_t i = 1 + chooser.choose(chooser.choose(4) == 0 ? 8 : 3); i > 0; --i)
    scenario.viewers.views.push_back(draw_view(chooser, scenario.temper.send_room >= kRoomOfLong));
  // A host that is not there cannot be asked for through a parent.
  const auto abroad = static_cast<std::size_t>(std::find_if(kRows.begin(), kRows.end(), [](const Row& row) { return row.name == "another server"; }) - kRows.begin());
  if (scenario.parent.kind != ParentPlan::Kind::none)
    for (ViewPlan& view : scenario.viewers.views) std::replace(view.asks.begin(), view.asks.end(), abroad, std::size_t{0});
  if (scenario.http10)
    for (ViewPlan& view : scenario.viewers.views) view.pipelines = false;
}

void limit_viewers(ViewersPlan& plan) {
  for (ViewPlan& view : plan.views)
    for (std::size_t& ask : view.asks) ask %= kShort;
}

std::string describe(const ViewersPlan& plan) {
  static constexpr std::string_view kManners[] = {"plain", "slow", "stop", "vanish", "reset", "leave", "stall", "deaf"};
  std::string out;
  for (std::size_t i = 0; i < plan.views.size(); ++i) {
    const ViewPlan& view = plan.views[i];
    out += "  viewer " + std::to_string(i) + ": " + std::string{kManners[static_cast<std::size_t>(view.manner)]} + (view.pipelines ? " pipelines" : "") +
           (view.closes ? " closes" : "") + " cut " + std::to_string(view.cut) + " pause " + std::to_string(view.pause_ms) + " asks for";
    for (const std::size_t ask : view.asks) out += " [" + std::string{kRows[ask].name} + "]";
    out += "\n";
  }
  return out + (plan.own ? "  the board has a listener of its own\n" : "");
}

void shrink_viewers(const std::function<void(const std::function<void(ViewersPlan&)>&)>& attempt, const ViewersPlan& best) {
  for (std::size_t i = 0; i < best.views.size() && best.views.size() > 1;) {
    const std::size_t before = best.views.size();
    attempt([i](ViewersPlan& plan) { plan.views.erase(plan.views.begin() + static_cast<std::ptrdiff_t>(i)); });
    if (best.views.size() == before) ++i;
  }
  for (std::size_t i = 0; i < best.views.size(); ++i) {
    attempt([i](ViewersPlan& plan) { plan.views[i].manner = ViewManner::plain; });
    attempt([i](ViewersPlan& plan) { plan.views[i].pause_ms = 0; });
    attempt([i](ViewersPlan& plan) { plan.views[i].pipelines = false; });
    attempt([i](ViewersPlan& plan) { plan.views[i].closes = false; });
    for (std::size_t n = best.views[i].asks.size(); n > 0; --n)
      attempt([i, n](ViewersPlan& plan) {
        auto& asks = plan.views[i].asks;
        if (asks.size() > 1 && n <= asks.size()) asks.erase(asks.begin() + static_cast<std::ptrdiff_t>(n - 1));
      });
  }
  if (!best.views.empty()) attempt([](ViewersPlan& plan) { plan.own = false; });
}

}  // namespace sim
