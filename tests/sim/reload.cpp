#include "reload.hpp"

#include <algorithm>

#include "../../src/config/json.hpp"
#include "../../src/plan/generation.hpp"
#include "history.hpp"

namespace sim {

namespace {

constexpr const char* kFile = "/etc/proxy.json";
constexpr std::string_view kRefusal = "reload failed";

}  // namespace

bool listens(Under what, std::uint16_t port) { return what != Under::closed || port == kAsidePort; }

Reloads::Reloads(World& world, const Scenario& scenario)
    : world_(world), scenario_(scenario), arguments_{"--config", kFile, "--lens", scenario.lens.text.c_str()} {
  if (scenario.reloads.empty()) return;
  files["/www/"] = "";
  files[kFile] = file_text(scenario, Under::same);
  world.taken_ports = {kTakenPort};
}

std::span<const char* const> Reloads::arguments() const {
  return std::span{arguments_}.first(scenario_.lens.text.empty() ? 2 : 4);
}

// Two pending signals are one, and the file has the newest content.
void Reloads::send(Under what) {
  sent_ = what;
  files[kFile] = file_text(scenario_, what);
  world_.send_signal(sys::Signal::reload);
}

std::string Reloads::poll(std::uint64_t turn, bool draining, bool& adopted) {
  adopted = false;
  if (scenario_.reloads.empty()) return {};
  std::string fault;
  if (world_.reloads_heard != heard_) fault = settle(adopted);
  note_newcomers(adopted);
  was_draining_ = draining;
  for (const ReloadPlan& plan : scenario_.reloads)
    if (plan.after == turn) send(plan.what);
  return fault;
}

// The program has taken the signal in this turn.
std::string Reloads::settle(bool& adopted) {
  heard_ = world_.reloads_heard;
  const std::string_view said = std::string_view{world_.complaints}.substr(complained_);
  complained_ = world_.complaints.size();
  const bool refused = said.find(kRefusal) != std::string_view::npos;
  // A draining program does not reload.
  if (was_draining_) return refused ? "a draining program reports a failed reload" : "";
  if (!is_good(sent_) && !refused) return "an invalid configuration was not refused";
  if (is_good(sent_) && refused && is_kind_world(scenario_)) return "a good configuration was refused: " + std::string{said};
  if (refused) return {};
  adopted = true;
  editions_.add(sent_);
  world_.edition = editions_.last();
  return {};
}

// A client accepted in the turn of a reload has the new configuration, unless that closed its listener.
void Reloads::note_newcomers(bool adopted) {
  for (const ConnectionPtr& c : world_.connections()) {
    if (!c->accepted || c->has_edition) continue;
    c->has_edition = true;
    const bool is_older = adopted && !listens(editions_.of(editions_.last()), c->to.port);
    c->edition = editions_.last() - (is_older ? 1 : 0);
  }
}

// ---- the counts of the generations -----------------------------------------------------------------------

namespace {

std::string check_groups(Worker& worker, const plan::Generation& generation) {
  const std::vector<plan::Group>& groups = generation.config.groups;
  std::vector<std::vector<std::uint32_t>> open(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) open[i].resize(groups[i].members.size());
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot) {
    const request_info& record = worker.table.at(slot);
    const bool counts = record.generation == &generation && record.exchange && record.exchange->route.in_group;
    if (counts) ++open[record.exchange->route.group][record.exchange->route.member];
  }
  for (std::size_t i = 0; i < groups.size(); ++i)
    for (std::size_t member = 0; member < open[i].size(); ++member)
      if (generation.groups->open(i, member) != open[i][member]) return "a member's work and its records do not agree";
  return {};
}

}  // namespace

std::string check_generations(Worker& worker, const std::vector<std::unique_ptr<plan::Generation>>& generations) {
  std::size_t counted = 0, used = 0;
  if (worker.current != generations.back().get()) return "new connections do not use the newest configuration";
  for (const auto& generation : generations) {
    std::size_t records = 0;
    for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot)
      records += worker.table.at(slot).generation == generation.get() ? 1 : 0;
    if (generation->records != records) return "a configuration miscounts its records";
    if (records == 0 && generation != generations.back()) return "an unused configuration is kept";
    counted += records;
    if (const std::string fault = check_groups(worker, *generation); !fault.empty()) return fault;
  }
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot) used += worker.table.at(slot).state != State::FREE ? 1 : 0;
  return used == counted ? "" : "a record uses a configuration that was freed";
}

// ---- drawn at random -------------------------------------------------------------------------------------

void draw_reloads(Chooser& chooser, Scenario& scenario) {
  static constexpr Under kOfProxies[] = {Under::same, Under::more, Under::closed, Under::denied, Under::astray, Under::broken, Under::taken};
  static constexpr Under kOfRoles[] = {Under::same, Under::more, Under::closed, Under::others, Under::others, Under::broken, Under::taken};
  const bool roles = !scenario.roles.calls.empty();
  if (chooser.choose(4) != 0) return;
  for (std::uint32_t i = 1 + chooser.choose(3); i > 0; --i) {
    const std::uint64_t after = 1 + chooser.choose(chooser.choose(2) == 0 ? 12 : 80);
    scenario.reloads.push_back({after, (roles ? kOfRoles : kOfProxies)[chooser.choose(7)]});
  }
  if (!config::has_json()) scenario.reloads.clear();  // a file needs JSON
}

std::string describe(const std::vector<ReloadPlan>& reloads) {
  static constexpr std::string_view kWhat[] = {"same", "more", "closed", "denied", "astray", "others", "broken", "taken"};
  std::string out;
  for (const ReloadPlan& plan : reloads)
    out += "  reloaded after " + std::to_string(plan.after) + " turns: " + std::string{kWhat[static_cast<std::size_t>(plan.what)]} + "\n";
  return out;
}

}  // namespace sim
