// Plays histories: `sim [--seeds N] [--seed S] [--torture] [--worlds] FILE...`
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include "history.hpp"

namespace {

using namespace sim;

std::uint64_t playing = 0;  // the seed, for a program that dies

// SplitMix64 (public domain, Vigna): small, and good enough to go astray with.
class Random final : public Chooser {
 public:
  explicit Random(std::uint64_t seed) : state_(mixed(seed)) {}
  std::uint32_t choose(std::uint32_t n) override {
    return static_cast<std::uint32_t>((mixed(state_ += kStep) >> 32) * n >> 32);
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;
  static std::uint64_t mixed(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

void on_abort(int) {
  std::array<char, 64> text;
  const int length = std::snprintf(text.data(), text.size(), "sim: died with seed %llu\n", static_cast<unsigned long long>(playing));
  if (write(STDOUT_FILENO, text.data(), static_cast<std::size_t>(length)) < 0) _exit(1);
  std::signal(SIGABRT, SIG_DFL);
}

Scenario scenario_of(std::uint64_t seed) {
  Random chooser{2 * seed};
  return draw(chooser);
}

Outcome play_seed(const Scenario& scenario, std::uint64_t seed) {
  playing = seed;
  Random chooser{2 * seed + 1};
  return play(scenario, chooser);
}

void report(std::uint64_t seed, const Outcome& outcome) {
  const Scenario whole = scenario_of(seed);
  std::printf("seed %llu: %s\n%s", static_cast<unsigned long long>(seed), outcome.broken.c_str(), describe(whole).c_str());
  const Scenario small = shrink(whole, [seed](const Scenario& s) { return !play_seed(s, seed).broken.empty(); });
  const Outcome again = play_seed(small, seed);
  std::printf("shrunk: %s\n%s%s\nreplay: make sim SEED=%llu SEEDS=1\n", again.broken.c_str(), describe(small).c_str(),
              again.story.c_str(), static_cast<unsigned long long>(seed));
}

bool play_seeds(std::uint64_t first, std::uint64_t count, std::uint64_t& passed, std::uint64_t& failed) {
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome outcome = play_seed(scenario_of(seed), seed);
    if (outcome.broken.empty()) {
      ++passed;
      continue;
    }
    ++failed;
    report(seed, outcome);
    if (failed >= 3) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, on_abort);
  std::uint64_t seeds = 100'000, seed = 1, passed = 0, failed = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seeds") == 0) seeds = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--seed") == 0) seed = std::strtoull(argv[i + 1], nullptr, 10);
  }
  const auto start = std::chrono::steady_clock::now();
  play_seeds(seed, seeds, passed, failed);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%.0f histories a second\n%llu passed, %llu failed\n", static_cast<double>(passed) / took.count(),
              static_cast<unsigned long long>(passed), static_cast<unsigned long long>(failed));
  return failed == 0 && passed > 0 ? 0 : 1;
}
