// `proxy doctor [ADDRESS:]PORT[/PATH]`: prints what the loop doctor of a running proxy finds.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "answer.hpp"
#include "fetch.hpp"
#include "proxy_address.hpp"

namespace ask {

struct Question {
  ProxyAddress proxy{};
  std::string path = "/doctor";
  bool json = false;
  bool help = false;  // only the help is wanted
};

// Parses `arguments` after "doctor". Returns the error; empty: none.
std::string read_question(std::span<const char* const> arguments, Question& question);

// What --help prints.
Answer help();
// The request for the page.
std::string request_for(const Question& question);
// Reads the response. The page is ASCII without control characters but line feeds.
Answer read_answer(const Question& question, const Fetched& fetched);

// `proxy doctor` with these arguments: asks, and waits for at most 5 s.
Answer ask_doctor(std::span<const char* const> arguments);

}  // namespace ask
