// Plays histories on the simulated kernel (see README.md in this directory).
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "../../src/base/draws.hpp"
#include "../../src/config/json.hpp"
#include "greedy.hpp"
#include "history.hpp"

namespace {

using namespace sim;

using Count = unsigned long long;
Count playing = 0;  // the seed, for the report of a crash
Count passed = 0, failed = 0;
constexpr Count kFailuresTold = 3;
std::string record_folder;                 // of the record files of failed histories
std::optional<std::uint64_t> forced;       // the seed of a history that is reported as failed, for a test of the report

// Saves the record file of a failed history, and says how to print it.
void keep_recording(const std::string& name, const std::string& recording) {
  if (recording.empty()) return;
  const std::string path = record_folder + '/' + name + ".pxr";
  std::error_code ignored;  // then the file cannot be written
  std::filesystem::create_directories(record_folder, ignored);
  std::ofstream file{path, std::ios::binary};
  file << recording;
  file.close();
  if (file)
    std::printf("recorded in %s; to print it: proxy replay --text %s\n", path.c_str(), path.c_str());
  else
    std::printf("cannot write %s: use --record-dir FOLDER\n", path.c_str());
}

class Random final : public Chooser {
 public:
  explicit Random(std::uint64_t seed) : draws_(base::mixed(seed)) {}
  std::uint32_t choose(std::uint32_t n) override {
    return static_cast<std::uint32_t>((draws_.next() >> 32) * n >> 32);
  }

 private:
  base::Draws draws_;
};

// Enumerates all histories that differ from the first one (all choices 0) in at most so many choices.
class Enumerator final : public Chooser {
 public:
  explicit Enumerator(std::size_t deviations) : most_(deviations) {}

  std::uint32_t choose(std::uint32_t n) override {
    if (at_ == answers_.size()) answers_.push_back({0, n});
    return answers_[at_++].answer;
  }
  // The smallest or the largest amount: values between make no difference.
  std::size_t some(std::size_t n) override { return choose(2) == 0 ? n : 1; }

  // The next history; false: that was the last.
  bool next() {
    answers_.resize(at_);
    at_ = 0;
    while (!answers_.empty()) {
      Answer& last = answers_.back();
      const bool may_deviate = last.answer > 0 || deviations() < most_;
      if (may_deviate && last.answer + 1 < last.of) {
        ++last.answer;
        return true;
      }
      answers_.pop_back();
    }
    return false;
  }

 private:
  struct Answer {
    std::uint32_t answer, of;
  };
  [[nodiscard]] std::size_t deviations() const {
    std::size_t count = 0;
    for (const Answer& answer : answers_) count += answer.answer > 0 ? 1 : 0;
    return count;
  }
  std::size_t most_, at_ = 0;
  std::vector<Answer> answers_;
};

void on_abort(int) {
  std::array<char, 64> text;
  const int length = std::snprintf(text.data(), text.size(), "sim: died with seed %llu\n", playing);
  if (write(STDOUT_FILENO, text.data(), static_cast<std::size_t>(length)) < 0) _exit(1);
  if (std::signal(SIGABRT, SIG_DFL) == SIG_ERR || std::signal(SIGSEGV, SIG_DFL) == SIG_ERR) _exit(1);
}

// A third of the histories uses the HTTP/1.0 behaviour.
constexpr Count kOldOnceIn = 3;

// Half of each has hosts with several addresses, or a parent proxy.
struct Version {
  bool http10 = false;
  bool by_ways = false;
  bool roles = false;
  bool viewers = false;
  bool old = false;  // from before shutdowns, reloads and headers
  bool lens = false;
};

constexpr Count kLensOnceIn = 8;
constexpr bool has_lens(Count seed) { return seed % kLensOnceIn == 7; }

constexpr Version version_of(Count seed) {
  return {.http10 = seed % kOldOnceIn == 0, .by_ways = seed / kOldOnceIn % 2 == 1, .lens = has_lens(seed)};
}

// The same with viewers of the board.
constexpr Version with_viewers(Count seed) {
  Version version = version_of(seed);
  version.viewers = true;
  return version;
}

Scenario scenario_of(std::uint64_t seed, Version version) {
  Random chooser{2 * seed};
  Scenario scenario = version.roles ? draw_with_roles(chooser) : draw(chooser, version.http10, version.by_ways);
  if (!version.roles && !version.old) draw_surplus(chooser, scenario);
  if (version.viewers) draw_viewers(chooser, scenario);
  if (version.lens) draw_lens(chooser, scenario);
  return scenario;
}

Outcome play_seed(const Scenario& scenario, std::uint64_t seed) {
  playing = seed;
  Random chooser{2 * seed + 1};
  return play(scenario, chooser);
}

// Counts an outcome. True if it failed and is to be reported.
bool count(const Outcome& outcome) {
  ++(outcome.broken.empty() ? passed : failed);
  return !outcome.broken.empty() && failed <= kFailuresTold;
}

// The files of different histories of one seed have different names.
std::string name_of(std::uint64_t seed, Version version) {
  return std::to_string(seed) + (version.roles ? "-roles" : "") + (version.viewers ? "-viewers" : "") + (version.old ? "-old" : "");
}

// The arguments of make that play one history of this kind.
const char* kind_of(Version version) {
  if (version.viewers) return "SEEDS=0 ROLES=0 GREEDY=0 VIEWERS=1";
  return version.roles ? "SEEDS=0 ROLES=1 GREEDY=0 VIEWERS=0" : "SEEDS=1 ROLES=0 GREEDY=0 VIEWERS=0";
}

void report(std::uint64_t seed, Version version, const Scenario& whole, const Outcome& outcome) {
  std::printf("seed %llu: %s\n%s", Count{seed}, outcome.broken.c_str(), describe(whole).c_str());
  std::fflush(stdout);  // to shrink a history in which the program spins takes minutes
  Scenario small = shrink(whole, [seed](const Scenario& s) { return !play_seed(s, seed).broken.empty(); });
  small.narrated = true;
  const Outcome again = play_seed(small, seed);
  std::printf("shrunk: %s\n%s%s\nreplay: make sim SEED=%llu %s\n", again.broken.c_str(), describe(small).c_str(),
              again.story.c_str(), Count{seed}, kind_of(version));
  keep_recording(name_of(seed, version), again.recording);
}

void forget_what_came_later(Scenario& scenario) {
  scenario.drained_after = 0;
  scenario.reloads.clear();
  scenario.roles.proxy_headers = {};
  scenario.roles.header_version = 0;
}

void play_one(std::uint64_t seed, Version version) {
  Scenario scenario = scenario_of(seed, version);
  if (version.old) forget_what_came_later(scenario);
  Outcome outcome = play_seed(scenario, seed);
  if (seed == forced && outcome.broken.empty()) outcome.broken = "reported as failed, because of --fail";
  if (count(outcome)) report(seed, version, scenario, outcome);
}

void play_seeds(std::uint64_t first, std::uint64_t number) {
  for (std::uint64_t seed = first; seed < first + number && failed < kFailuresTold; ++seed)
    play_one(seed, version_of(seed));
}

// A scenario with listeners of other roles.
void play_roles(std::uint64_t first, std::uint64_t number) {
  for (std::uint64_t seed = first; seed < first + number && failed < kFailuresTold; ++seed) play_one(seed, {.roles = true, .lens = has_lens(seed)});
}

// Viewers of the board beside other clients.
void play_viewers(std::uint64_t first, std::uint64_t number) {
  for (std::uint64_t seed = first; seed < first + number && failed < kFailuresTold; ++seed) play_one(seed, with_viewers(seed));
}

// Greedy clients beside a modest one.
void play_greedy_ones(std::uint64_t first, std::uint64_t number) {
  for (std::uint64_t seed = first; seed < first + number && failed < kFailuresTold; ++seed) {
    playing = seed;
    Random drawing{2 * seed}, playing_by{2 * seed + 1};
    const GreedyScenario scenario = draw_greedy(drawing);
    std::string broken = play_greedy(scenario, playing_by);
    if (seed == forced && broken.empty()) broken = "reported as failed, because of --fail";
    ++(broken.empty() ? passed : failed);
    if (broken.empty()) continue;
    std::printf("seed %llu, greedy: %s\n%sreplay: make sim SEED=%llu SEEDS=0 ROLES=0 GREEDY=1 VIEWERS=0\n", Count{seed}, broken.c_str(),
                describe(scenario).c_str(), Count{seed});
    Random same{2 * seed + 1};
    std::string recording;
    play_greedy(scenario, same, &recording);
    keep_recording(std::to_string(seed) + "-greedy", recording);
  }
}

// "1.0" or "1.1", with "+" if by ways, or "roles", or "viewers"; a final "/2": with later features; after it "/lens": through the lens.
Version version_of(Count seed, std::string text) {
  const bool lens = text.ends_with("/lens");
  if (lens) text.resize(text.size() - 5);
  const bool old = !text.ends_with("/2");
  if (!old) text.resize(text.size() - 2);
  if (text == "viewers") return with_viewers(seed);
  return {.http10 = text.starts_with("1.0"), .by_ways = text.ends_with('+'), .roles = text == "roles", .old = old, .lens = lens};
}

// Seeds that once failed, one per line, each with its version and a description.
void play_regressions(const char* path) {
  std::ifstream file{path};
  std::string version;
  for (std::uint64_t seed = 0; file >> seed >> version; file.ignore(1000, '\n')) play_one(seed, version_of(seed, version));
}

// ---- the failure loop: each call of a scenario fails once, with each errno it can have -------------------

struct Failures {
  Call call;
  std::uint32_t first;  // earlier calls belong to the start
  std::vector<int> errors;
};

const std::vector<Failures>& failures() {
  static const std::vector<Failures> all{
      {Call::receive, 0, {ECONNRESET, ETIMEDOUT, ENOMEM}},
      {Call::transmit, 0, {EPIPE, ECONNRESET, ETIMEDOUT, ENOBUFS}},
      {Call::accept, 0, {ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM}},
      {Call::connect, 0, {EMFILE, ENFILE, ENETUNREACH, EADDRNOTAVAIL, ECONNREFUSED, ENOBUFS, ENOMEM, EACCES}},
      {Call::watch, 3, {ENOMEM, ENOSPC}},
      {Call::listen, 1, {EADDRINUSE, EMFILE}},
      {Call::pipe, 0, {EMFILE, ENFILE}},
      {Call::resize_pipe, 0, {EPERM, ENOMEM}},
      {Call::splice, 0, {EINVAL, ENOSYS, EPERM, EOPNOTSUPP}},
      {Call::append, 1, {EAGAIN, ENOSPC, EIO, EPIPE}},
  };
  return all;
}

constexpr std::uint64_t kReloadedTurns = 10;    // small worlds have ended by then
constexpr std::uint64_t kStart = 1'000'000;  // the world's clock at its beginning
constexpr std::uint64_t kAfterMs = 500'000;  // after every deadline of the first pair

Pair good_pair() {
  Pair pair;
  pair.client.method = "POST";
  pair.client.has_body = true;
  pair.client.body = std::string(3000, 'u');
  pair.origin.body = std::string(3000, 'd');
  return pair;
}

std::vector<Scenario> tortured() {
  std::vector<Scenario> all;
  for (const OriginPlan::Framing framing : {OriginPlan::Framing::length, OriginPlan::Framing::eof, OriginPlan::Framing::chunked})
    for (const bool by_name : {false, true}) {
      Scenario scenario;
      scenario.temper.send_room = 600;
      Pair victim = good_pair();
      victim.origin.framing = framing;
      victim.by_name = by_name;
      if (by_name) victim.origin.manner = OriginPlan::Manner::second;
      victim.client.http11 = victim.client.expects_continue = by_name;
      Pair after = good_pair();
      after.client.pause_ms = kAfterMs;
      scenario.pairs = {victim, after};
      scenario.last_is_after = true;
      all.push_back(scenario);
    }
  return all;
}

Ask good_ask() {
  Ask ask;
  ask.method = "POST";
  ask.framing = Ask::Framing::chunked;
  ask.body = std::string(3000, 'u');
  ask.chunks = {1, 1000};
  ask.answer.framing = OriginPlan::Framing::chunked;
  ask.answer.body = std::string(3000, 'd');
  return ask;
}

Visit good_visit(std::vector<Ask> asks) {
  Visit visit;
  visit.asks = std::move(asks);
  return visit;
}

Ask good_connect() {
  Ask ask;
  ask.kind = Ask::Kind::connect;
  ask.method = "CONNECT";
  ask.house = 1;
  ask.tunnel = {.up = std::string(3000, 'u'), .down = std::string(3000, 'd'), .early = true};
  return ask;
}

// Keep-alive connections: a second request on each, chunks, a tunnel; by either parent, or to hosts with two addresses.
std::vector<Scenario> by_ways(const Scenario& direct) {
  using Kind = ParentPlan::Kind;
  std::vector<Scenario> all;
  for (const Kind kind : {Kind::http, Kind::socks5}) {
    all.push_back(direct);
    all.back().parent.kind = kind;
    all.back().parent.login = all.back().parent.asks_login = true;
  }
  all.push_back(direct);
  for (HousePlan& house : all.back().houses) {
    house.by_name = true;
    house.spots = {{World::Host::Manner::accepts, 300}, {World::Host::Manner::accepts, 0}};
  }
  return all;
}

std::vector<Scenario> tortured_talk() {
  std::vector<Scenario> all;
  const Ask get;
  for (const std::vector<Ask>& asks : {std::vector<Ask>{get, get, get}, {good_ask(), good_ask()}, {get, good_connect()}})
    for (const bool pipelines : {false, true}) {
      Scenario scenario;
      scenario.http10 = false;
      scenario.temper.send_room = 600;
      scenario.houses.resize(2);
      scenario.houses[1].tunnel = true;
      scenario.visits = {good_visit(asks), good_visit({get, good_ask()})};
      scenario.visits.front().pipelines = pipelines;
      scenario.visits.back().start_ms = kAfterMs;
      scenario.last_is_after = true;
      all.push_back(scenario);
      const auto more = by_ways(scenario);
      if (pipelines) all.insert(all.end(), more.begin(), more.end());
    }
  if (!config::has_json()) return all;
  all.push_back(all.front());
  all.back().reloads = {{4, Under::more}, {8, Under::same}};
  return all;
}

Scenario without_last(const Scenario& scenario) {
  Scenario alone = scenario;
  if (scenario.http10)
    alone.pairs.pop_back();
  else
    alone.visits.pop_back();
  alone.last_is_after = false;
  return alone;
}

void torture(const std::vector<Scenario>& scenarios) {
  for (const Scenario& scenario : scenarios) {
    const Scenario alone = without_last(scenario);
    Random chooser{1};
    const Outcome calls = play(alone, chooser);
    if (count(calls)) std::printf("torture: without a failure: %s\n", calls.broken.c_str());
    for (const Failures& kind : failures())
      for (std::uint32_t nth = kind.first; nth < calls.calls[static_cast<std::size_t>(kind.call)]; ++nth)
        for (const int error : kind.errors) {
          Scenario failing = scenario;
          failing.failure = World::Failure{kind.call, nth, error, kStart + kAfterMs};
          Random same{1};
          const Outcome outcome = play(failing, same);
          if (!count(outcome)) continue;
          std::printf("torture: call %d number %u fails with %s: %s\n%s%s", static_cast<int>(kind.call), nth,
                      ::strerrorname_np(error), outcome.broken.c_str(), describe(failing).c_str(), outcome.story.c_str());
          keep_recording("torture-" + std::to_string(failed), outcome.recording);
        }
  }
}

// ---- small worlds, enumerated ----------------------------------------------------------------------------

std::vector<Scenario> small_worlds() {
  std::vector<Scenario> all;
  const auto add = [&all](ClientPlan::Manner client, OriginPlan::Manner origin, OriginPlan::Framing framing, std::size_t blocks,
                          bool bulk = false) {
    Scenario scenario;
    if (bulk) scenario.bulk_bytes = 0;
    scenario.temper = {.short_io = 2, .split = 2, .error = 0, .linger = 2, .send_room = 64};
    scenario.blocks = blocks;
    Pair pair;
    pair.client.manner = client;
    pair.client.cut = 30;
    pair.origin.manner = origin;
    pair.origin.framing = framing;
    pair.origin.body = "ab";
    pair.origin.cut = 50;
    scenario.pairs.push_back(pair);
    all.push_back(scenario);
  };
  using C = ClientPlan::Manner;
  using O = OriginPlan::Manner;
  using F = OriginPlan::Framing;
  for (const F framing : {F::length, F::eof, F::chunked}) add(C::plain, O::answers, framing, 0);
  for (const C client : {C::half_close, C::vanish, C::reset, C::leave, C::surplus}) add(client, O::answers, F::length, 0);
  for (const O origin : {O::keeps, O::early, O::refuses, O::closes, O::resets, O::cuts, O::breaks}) add(C::plain, origin, F::length, 0);
  add(C::plain, O::answers, F::length, 1);
  for (const F framing : {F::length, F::eof}) add(C::plain, O::answers, framing, 0, true);
  for (const O origin : {O::cuts, O::breaks}) add(C::plain, origin, F::eof, 0, true);
  return all;
}

// Two requests on one connection to an origin that keeps or closes it; chunks; a tunnel; an upgrade.
std::vector<Scenario> small_talks() {
  std::vector<Scenario> all;
  const auto add = [&all](std::vector<Ask> asks, bool pipelines, std::uint32_t serves, bool bulk = false) {
    Scenario scenario;
    scenario.http10 = false;
    if (bulk) scenario.bulk_bytes = 0;
    scenario.temper = {.short_io = 2, .split = 2, .error = 0, .linger = 2, .send_room = 600};
    scenario.houses.resize(2);
    scenario.houses[0].serves = serves;
    scenario.houses[1].tunnel = true;
    scenario.visits = {good_visit(std::move(asks))};
    scenario.visits[0].pipelines = pipelines;
    all.push_back(scenario);
    const auto more = by_ways(scenario);
    if (scenario.visits[0].asks.size() == 1) all.insert(all.end(), more.begin(), more.end());
  };
  Ask get, post = good_ask(), connect = good_connect(), upgrade;
  get.answer.body = post.answer.body = post.body = "ab";
  post.chunks = {1};
  connect.tunnel.up = connect.tunnel.down = "ab";
  upgrade.kind = Ask::Kind::upgrade;
  upgrade.answer.agrees = true;
  upgrade.tunnel = connect.tunnel;
  Ask surplus = get;
  surplus.answer.manner = Answer::Manner::surplus;
  for (const bool pipelines : {false, true}) add({get, get}, pipelines, 0);
  add({get, get}, true, 1);
  add({post, get}, true, 0);
  add({surplus, get}, false, 0);
  add({connect}, false, 0);
  add({upgrade}, false, 0);
  for (const Ask& ask : {connect, upgrade, get}) add({ask}, false, 0, true);
  return all;
}

// Two requests on one connection, and a reload at any time.
std::vector<Scenario> small_reloads() {
  std::vector<Scenario> all;
  Scenario scenario;
  scenario.http10 = false;
  scenario.temper = {.short_io = 2, .split = 2, .error = 0, .linger = 2, .send_room = 600};
  scenario.houses.resize(1);
  Ask get;
  get.answer.body = "ab";
  scenario.visits = {good_visit({get, get})};
  for (const Under what : {Under::same, Under::closed, Under::denied, Under::broken})
    for (std::uint64_t after = 1; after <= kReloadedTurns; ++after) {
      all.push_back(scenario);
      all.back().reloads = {{after, what}};
    }
  if (!config::has_json()) all.clear();
  return all;
}

void enumerate(std::size_t deviations, const std::vector<Scenario>& worlds) {
  for (const Scenario& scenario : worlds) {
    Enumerator all{deviations};
    do {
      const Outcome outcome = play(scenario, all);
      if (!count(outcome)) continue;
      std::printf("small world: %s\n%s%s", outcome.broken.c_str(), describe(scenario).c_str(), outcome.story.c_str());
      keep_recording("world-" + std::to_string(failed), outcome.recording);
    } while (all.next() && failed < kFailuresTold);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (std::signal(SIGABRT, on_abort) == SIG_ERR || std::signal(SIGSEGV, on_abort) == SIG_ERR) return 2;
  std::uint64_t seeds = 0, roles = 0, greedy = 0, viewers = 0, seed = 1;
  std::size_t deviations = 0;
  const auto start = std::chrono::steady_clock::now();
  record_folder = std::filesystem::path{argv[0]}.parent_path() / "sim-records";
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (option == "--record-dir") record_folder = argv[i + 1];  // before options that play
    if (option == "--fail") forced = value;
    if (option == "--seeds") seeds = value;
    if (option == "--roles") roles = value;
    if (option == "--greedy") greedy = value;
    if (option == "--viewers") viewers = value;
    if (option == "--seed") seed = value;
    if (option == "--torture" && value != 0) {
      torture(tortured());
      torture(tortured_talk());
    }
    if (option == "--worlds") deviations = value;
    if (option == "--regressions") play_regressions(argv[i + 1]);
  }
  const Count others = passed;
  if (deviations != 0) {
    enumerate(deviations, small_worlds());
    enumerate(deviations, small_talks());
    enumerate(deviations - 1, small_reloads());  // the time of the reload is one of the choices
  }
  const Count enumerated = passed - others;
  play_seeds(seed, seeds);
  play_roles(seed, roles);
  play_greedy_ones(seed, greedy);
  play_viewers(seed, viewers);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%llu of known calls failing and known seeds, %llu enumerated, %llu drawn; %.0f histories a second\n", others,
              enumerated, passed - others - enumerated, static_cast<double>(passed) / took.count());
  std::printf("%llu passed, %llu failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
