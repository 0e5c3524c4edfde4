// The event loop: one thread, one epoll instance. Events only set marks; then each marked record runs once.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "../doctor/doctor.hpp"
#include "../watch/reporter.hpp"
#include "admission.hpp"
#include "clock.hpp"
#include "handover.hpp"
#include "health_checker.hpp"
#include "inherited.hpp"
#include "notifier.hpp"
#include "own_pages.hpp"
#include "recorder.hpp"
#include "reload.hpp"
#include "resources.hpp"
#include "sandbox.hpp"
#include "shutdown.hpp"

namespace server {

// Opens an epoll instance that watches a signalfd for the process's signals. Returns an error message; empty:
// success.
std::string open_descriptors(sys::Fd& poller, sys::Fd& signals);

class Server final {
 public:
  // `arguments`: the command line, read again at each reload. REQUIRES: all but `signals` and `streams`
  // outlive this, `generations` has one, and `resources` are complete and made for it.
  Server(Resources& resources, Generations& generations, sys::Fd signals, watch::Reporter::Streams streams,
         std::span<const char* const> arguments);
  // Closes all connections.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Opens the configuration's listeners, or uses the inherited ones, and the Unix socket of --takeover. Those
  // of the service manager must all be used, unless there is a predecessor. Returns an error message; empty:
  // success.
  std::string listen(Inherited inherited = {});
  // Gives up what the server does not need from now on (server/sandbox.hpp). Call it when all that is used at
  // the start only was opened. Returns an error message; empty: success.
  std::string enter_sandbox();
  // Replaces the predecessor of `listen`, if there is one. Call it when nothing else can fail. Returns an
  // error message, and then the predecessor serves on; empty: success.
  std::string take_over();
  // Begins the recording of --record, and saves crashes in --record-dir. Returns an error message; empty:
  // success.
  std::string record();
  // The board is about this file from now on.
  void show(console::ShownFile file) { pages_.show(std::move(file)); }
  // Prints where the server listens, and reports to the service manager that it is ready.
  void announce();
  // Runs until a signal ends it.
  void serve() {
    while (!stopping()) turn();
  }
  // Waits for events and handles them, and whatever is due.
  void turn();
  [[nodiscard]] bool stopping() const noexcept { return shutdown_.stopping(); }
  // What the loop doctor has found.
  [[nodiscard]] const watch::FindingLog& findings() const noexcept { return doctor_.findings(); }
  // Writes a record file as Recorder::write_whole does: the simulator keeps one of a history that fails.
  bool record_to(record::Output& out, std::string_view reason) const noexcept {
    return recorder_.write_whole(reason, out);
  }
  // The number of open descriptors by its own count, without those of the worker (doctor::take_census).
  [[nodiscard]] std::size_t descriptors() const noexcept;

 private:
  using Kind = net::Token::Kind;

  // The newest.
  [[nodiscard]] const plan::Config& config() const noexcept { return generations_.back()->config; }
  sys::Waited wait();
  void begin_turn(std::size_t events);
  void end_turn(std::size_t events);
  [[nodiscard]] bool is_of_viewers() const noexcept;
  void report_findings();
  void mark(const sys::Event& event);
  void read_signals();
  void watch_addresses();
  void read_addresses();
  void warn_of_loops();
  void handle_signals();
  void run_handover();
  [[nodiscard]] std::uint64_t idle_deadline() const noexcept;
  void poll_shutdown();
  void wake_resolved();
  void run_health_checks();
  void feed_starved();
  void run_ready();
  [[nodiscard]] int sleep_ms();
  void report();
  void release_pages();
  void begin_recording();
  void record_finding();
  void write_recordings();
  void advance_reload();
  void begin_reload();
  void finish_reload();
  std::string adopt(std::unique_ptr<plan::Generation> next);
  void free_generations();
  [[nodiscard]] std::string listening_text() const;
  void begin_shutdown();

  static constexpr std::size_t kEventsMax = 512;  // taken from epoll in one turn

  std::span<const char* const> arguments_;
  Generations& generations_;
  StartOptions start_options_;
  Resources& resources_;
  Worker& worker_;
  Clock clock_;
  sys::Fd signals_;
  sys::Fd addresses_;  // changes of the machine's addresses; none: they are not reported
  HealthChecker health_checker_;
  Admission admission_;
  Handover handover_;
  Predecessor before_;
  watch::Reporter reporter_;
  Recorder recorder_;
  doctor::Doctor doctor_;
  Notifier notifier_;
  Sandbox sandbox_;
  Shutdown shutdown_;
  OwnPages pages_;
  base::Trace::Mark turn_mark_{};  // before the entry of the turn
  std::array<sys::Event, kEventsMax> events_;
  int timeout_ms_ = 0;             // of the wait before this turn
  bool reload_requested_ = false;  // SIGHUP was read
  std::optional<Reload> reload_;   // in progress
};

}  // namespace server
