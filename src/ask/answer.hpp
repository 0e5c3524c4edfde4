// What a subcommand that asks a running proxy prints.
#pragma once
#include <string>

namespace ask {

struct Answer {
  static constexpr int kHealthy = 0, kErrorLasts = 1, kNoAnswer = 2;  // or the output cannot be written

  int status = kNoAnswer;  // the exit status: whether a finding of severity error lasts
  std::string page{};      // for standard output
  std::string error{};     // for standard error
};

}  // namespace ask
