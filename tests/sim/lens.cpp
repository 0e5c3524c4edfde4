// Histories through the lens: all promises must hold, as the lens does nothing that a kernel could not do.
#include <stdexcept>

#include "../../src/config/lens_text.hpp"
#include "history.hpp"

namespace sim {
namespace {

constexpr std::size_t kCalls = 300;  // most reads or writes of a body

template <std::size_t N>
std::string one_of(Chooser& chooser, const char* name, const std::size_t (&values)[N], const char* unit) {
  return std::string{","} + name + "=" + std::to_string(values[chooser.choose(N)]) + unit;
}

void set_lens(Scenario& scenario, const std::string& text) {
  if (const std::string error = config::parse_lens(text, scenario.lens); !error.empty()) throw std::logic_error(error);
}

// So few bytes for each event that with a delay of 200 ms a head would not arrive within its timeout.
bool moves_crumbs(const Scenario& scenario) {
  constexpr std::size_t kFew = 50;
  const auto few = [](std::size_t most) { return most != 0 && most < kFew; };
  return few(scenario.temper.send_room) || few(scenario.lens.read_max) || few(scenario.lens.write_max);
}

// With few bytes in a call, large bodies would take too long.
void limit_bodies(Scenario& scenario, std::size_t most) {
  for (Pair& pair : scenario.pairs) {
    if (pair.client.body.size() > most) pair.client.body.resize(most);
    if (pair.origin.body.size() > most) pair.origin.body.resize(most);
  }
  limit_talk(scenario, most);
  limit_roles(scenario.roles, most);
  limit_viewers(scenario.viewers);
}

}  // namespace

void draw_lens(Chooser& chooser, Scenario& scenario) {
  static constexpr std::size_t kBytes[] = {3, 7, 50, 1000}, kAgain[] = {4, 20, 50}, kInterrupted[] = {5, 50}, kResets[] = {1, 5},
                               kDelays[] = {1, 20, 200}, kShortDelays[] = {1, 2, 5}, kDescriptors[] = {12, 14, 18, 24},
                               kDescriptorsOfRoles[] = {24, 28, 32};  // each listener has two, and one may be added
  std::string text = "seed=" + std::to_string(chooser.choose(1000));
  if (chooser.choose(2) == 0) text += one_of(chooser, "read", kBytes, "");
  if (chooser.choose(2) == 0) text += one_of(chooser, "write", kBytes, "");
  if (chooser.choose(2) == 0) text += one_of(chooser, "eagain", kAgain, "%");
  if (chooser.choose(4) == 0) text += one_of(chooser, "eintr", kInterrupted, "%");
  if (chooser.choose(4) == 0) text += one_of(chooser, "reset", kResets, "%");
  set_lens(scenario, text);
  if (chooser.choose(4) == 0) text += one_of(chooser, "delay", moves_crumbs(scenario) ? kShortDelays : kDelays, "ms");
  if (chooser.choose(2) == 0) text += ",shuffle";
  const bool roles = !scenario.roles.calls.empty();
  if (chooser.choose(8) == 0) text += roles ? one_of(chooser, "emfile", kDescriptorsOfRoles, "") : one_of(chooser, "emfile", kDescriptors, "");
  set_lens(scenario, text);
  // What comes after an idle connection was read may come after the next request too: no proxy can see the difference.
  for (Visit& visit : scenario.visits)
    for (Ask& ask : visit.asks) ask.answer.apart = false;
  for (const std::uint32_t bytes : {scenario.lens.read_max, scenario.lens.write_max})
    if (bytes != 0) limit_bodies(scenario, bytes * kCalls);
}

void shrink_lens(const std::function<void(const std::function<void(Scenario&)>&)>& attempt) {
  attempt([](Scenario& scenario) { scenario.lens = {}; });
  attempt([](Scenario& scenario) { scenario.lens.shuffle = false; });
  for (std::uint32_t sys::LensSettings::*setting :
       {&sys::LensSettings::read_max, &sys::LensSettings::write_max, &sys::LensSettings::again_percent, &sys::LensSettings::intr_percent,
        &sys::LensSettings::reset_percent, &sys::LensSettings::delay_ms, &sys::LensSettings::descriptors_max})
    attempt([setting](Scenario& scenario) { scenario.lens.*setting = 0; });
}

}  // namespace sim
