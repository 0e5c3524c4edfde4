// `proxy doctor [ADDRESS:]PORT[/PATH]`: prints what the loop doctor of a running proxy finds.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fetch.hpp"

namespace ask {

struct Question {
  std::vector<sys::Address> addresses{};  // tried in this order
  std::string where{};                    // for messages: "port 9100", "[::1]:9100"
  std::string path = "/doctor";
  bool json = false;
  bool help = false;  // only the help is wanted
};

// Parses `arguments` after "doctor". Returns the error; empty: none.
std::string read_question(std::span<const char* const> arguments, Question& question);

struct Answer {
  static constexpr int kHealthy = 0, kErrorLasts = 1, kNoAnswer = 2;

  int status = kNoAnswer;  // the exit status: whether a finding of severity error lasts
  std::string page{};      // for standard output
  std::string error{};     // for standard error
};

// What --help prints.
Answer help();
// The request for the page.
std::string request_for(const Question& question);
// Reads the response. The page is ASCII without control characters but line feeds.
Answer read_answer(const Question& question, const Fetched& fetched);

// Asks, and waits for at most 5 s.
Answer ask_doctor(const Question& question);

}  // namespace ask
