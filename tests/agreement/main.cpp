// Plays all scenarios on the linked kernel. Prints a line `= NAME`, then a line for each step.
//
//     agreement_linux [PART OF A NAME]
#include <iostream>
#include <string_view>

#include "scenarios.hpp"

int main(int count, char** words) {
  const std::string_view wanted = count > 1 ? words[1] : "";
  for (const agreement::Scenario& scenario : agreement::scenarios()) {
    if (std::string_view{scenario.name}.find(wanted) == std::string_view::npos) continue;
    const auto stage = agreement::make_stage();
    std::cout << "= " << scenario.name << '\n' << agreement::play(scenario, *stage) << std::flush;
  }
}
