// The server saves a record file when the loop doctor finds an error: the loop, on the simulated kernel and
// clock.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "../../src/server/server.hpp"
#include "bench.hpp"

namespace {

using std::string;

class Looped {
 public:
  explicit Looped(const string& record_folder, std::size_t trace_entries = 4096) {
    config_.listeners.emplace_back().address = sys::loopback4(8080);
    config_.access_log = "off";
    config_.max_requests = 8;
    config_.buffer_mib = 1;
    config_.record_folder = record_folder;
    server::Capacity capacity = server::capacity_for(config_);
    capacity.trace_entries = trace_entries;
    sys::Fd poller, signals;
    EXPECT_EQ(server::open_descriptors(poller, signals), "");
    generations_.push_back(server::first_generation(config_, capacity.slots));
    resources.emplace(std::move(poller), capacity, *generations_.back());
    proxy.emplace(*resources, generations_, std::move(signals),
                  watch::Reporter::Streams{sys::open_stdout().fd, sys::Fd{}}, std::span<const char* const>{});
    EXPECT_EQ(proxy->listen(), "");
    // Nothing else happens: the loop wakes by a signal without effect, or when it is time.
    world.when_still = [this] { return world.send_signal(sys::Signal::reopen), true; };
    world.next_actor_time = [this] { return until_ > world.now() ? until_ : 0; };
  }

  void turns(int number) {
    for (int i = 0; i < number; ++i) proxy->turn();
  }
  void pass(std::uint64_t ms) {
    until_ = world.now() + ms;
    while (world.now() < until_) proxy->turn();
  }
  // A call on a descriptor that is not open, which the doctor finds at the end of the turn.
  void misuse() {
    sys::descriptors().not_open(99);
    turns(1);
  }
  // The names of the record files, without folder and run.
  [[nodiscard]] string files() const {
    string names;
    const string front = "/records/proxy-" + string{resources->worker.run_id} + '-';
    for (const auto& [path, inode] : world.made_files) {
      EXPECT_TRUE(path.starts_with(front)) << path;
      names += path.substr(front.size()) + ' ';
    }
    return names;
  }

  bench::First chooser;
  sim::World world{chooser, bench::kind()};
  bench::Inside inside{world};

 private:
  plan::Config config_;
  server::Generations generations_;
  std::uint64_t until_ = 0;

 public:
  std::optional<server::Resources> resources;
  std::optional<server::Server> proxy;
};

TEST(RecordOfAFinding, IsWrittenWhenAnErrorBegins) {
  Looped loop{"/records"};
  loop.turns(3);
  EXPECT_EQ(loop.files(), "");
  loop.misuse();
  loop.turns(1);
  EXPECT_EQ(loop.files(), "1-double-close.pxr ");
  record::Recording file;
  ASSERT_EQ(record::read(std::as_bytes(std::span{loop.world.record_file}), file), "");
  EXPECT_EQ(file.damage, "");
  EXPECT_EQ(file.head.reason, "finding double-close");
  const auto is_finding = [](const base::TraceEntry& entry) {
    return entry.event == base::TraceEvent::finding &&
           entry.detail == static_cast<std::uint8_t>(watch::Finding::double_close);
  };
  EXPECT_TRUE(std::any_of(file.entries.begin(), file.entries.end(), is_finding));
  loop.pass(5000);
  EXPECT_NE(loop.world.log.find("trace entries in /records/proxy-"), string::npos) << loop.world.log;
}

TEST(RecordOfAFinding, AtMostOneAMinute) {
  Looped loop{"/records"};
  loop.misuse();
  const std::uint64_t begun = loop.world.now();
  loop.misuse();
  EXPECT_EQ(loop.files(), "1-double-close.pxr ") << "the finding lasts";
  loop.pass(30'000);
  loop.misuse();
  EXPECT_EQ(loop.files(), "1-double-close.pxr ") << "it has begun once more, " << loop.world.now() - begun;
  loop.pass(60'000);
  loop.misuse();
  EXPECT_EQ(loop.files(), "1-double-close.pxr 2-double-close.pxr ");
}

TEST(RecordOfAFinding, WaitsWhileAnotherFileIsWritten) {
  Looped loop{"/records", std::size_t{1} << 18};
  for (std::size_t i = 0; i < std::size_t{1} << 18; ++i)
    loop.resources->worker.trace.add({.id = 1, .slot = 1, .event = base::TraceEvent::connected});
  loop.world.send_signal(sys::Signal::record);
  loop.misuse();
  EXPECT_EQ(loop.files(), "1.pxr ");
  const std::uint64_t now = loop.world.now();
  for (int i = 0; i < 10 && loop.files() == "1.pxr "; ++i) loop.turns(1);
  EXPECT_EQ(loop.files(), "1.pxr 2-double-close.pxr ");
  EXPECT_EQ(loop.world.now(), now) << "the loop does not sleep before";
}

TEST(RecordOfAFinding, NothingIsWrittenWithoutAFolder) {
  Looped loop{""};
  loop.misuse();
  loop.turns(3);
  EXPECT_TRUE(loop.proxy->findings()[watch::Finding::double_close].total > 0);
  EXPECT_TRUE(loop.world.made_files.empty());
}

}  // namespace
