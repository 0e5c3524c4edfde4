#include "server.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "../config/rule_text.hpp"
#include "../http/rewrite.hpp"
#include "../state/blocks.hpp"
#include "../state/events.hpp"
#include "../watch/announcement.hpp"
#include "../watch/diagnostics.hpp"
#include "own_networks.hpp"
#include "privileges.hpp"

namespace server {

namespace {

constexpr std::size_t kTrimMin = 64;  // blocks: the memory of fewer free ones is kept

std::string failed_to(const char* what, int error) {
  return std::string{"cannot "} + what + ": " + std::strerror(error);
}

}  // namespace

std::string open_descriptors(sys::Fd& poller, sys::Fd& signals) {
  sys::Opened opened = sys::make_poller();
  if (!opened.fd) return failed_to("make an epoll instance", opened.error);
  poller = std::move(opened.fd);
  opened = sys::make_signalfd();
  if (!opened.fd) return failed_to("read signals", opened.error);
  signals = std::move(opened.fd);
  constexpr net::Token kSignals{0, 0, net::Token::Kind::signals};
  const int error = sys::watch(poller, signals.get(), kSignals.packed());
  return error == 0 ? std::string{} : failed_to("watch for signals", error);
}

Server::Server(Resources& resources, Generations& generations, sys::Fd signals,
               watch::Reporter::Streams streams, std::span<const char* const> arguments)
    : arguments_(arguments),
      generations_(generations),
      start_options_(generations.back()->config),
      resources_(resources),
      worker_(resources.worker),
      clock_(worker_),
      signals_(std::move(signals)),
      health_checker_(resources.poller, resources.resolver, resources.blocks),
      admission_(worker_),
      handover_(resources.poller),
      reporter_(std::move(streams), generations.back()->config),
      recorder_(worker_, arguments, generations.back()->config.lens.text),
      doctor_(worker_),
      notifier_(sys::service_manager()),
      pages_({resources, clock_, admission_, doctor_, reporter_, recorder_}) {
  worker_.pages = &pages_;
  health_checker_.use(generations_.back().get());
}

Server::~Server() {
  for (std::uint32_t slot = 0; slot < worker_.table.touched(); ++slot)
    if (request_info& record = worker_.table.at(slot); record.state != State::FREE)
      release(record, base::Reason::shutdown, worker_);
  report();
  if (const std::string message = recorder_.end_run(); !message.empty()) reporter_.say(message, worker_.now);
  reporter_.finish(worker_.now);
}

// The trace begins with the loop.
std::string Server::listen(Inherited inherited) {
  const base::Trace::Mute mute{worker_.trace, true};
  watch_addresses();
  before_ = std::move(inherited.before);
  for (sys::PassedSocket& socket : inherited.passed) {
    const sys::Address address = sys::local_address(socket.fd);
    admission_.adopt(std::move(socket.fd), address);
  }
  for (HandedSocket& socket : std::exchange(before_.listeners, {}))
    admission_.adopt(std::move(socket.fd), socket.wanted);
  std::string error = admission_.prepare(config());
  if (const auto unused = admission_.acceptors().unused(); error.empty() && before_.none() && !unused.empty())
    error = unused_socket(unused.front());
  if (error.empty()) error = admission_.commit(config());
  if (error.empty() && !config().takeover.empty())
    error = handover_.open(config().takeover, std::move(before_.local));
  if (error.empty()) error = drop_privileges(config());
  if (error.empty()) warn_of_loops();
  return error;
}

std::string Server::enter_sandbox() {
  const base::Trace::Mute mute{worker_.trace, true};
  return sandbox_.enter(config());
}

std::string Server::take_over() {
  const base::Trace::Mute mute{worker_.trace, true};
  std::string error = before_.replace();
  if (error.empty()) handover_.own();
  return error;
}

void Server::warn_of_loops() {
  for (const std::string& warning : admission_.loops(config())) watch::print_diagnostics(warning);
}

// Without rtnetlink, the addresses of the start are used.
void Server::watch_addresses() {
  addresses_ = sys::watch_addresses().fd;
  constexpr net::Token kAddresses{0, 0, net::Token::Kind::addresses};
  if (addresses_) sys::watch(resources_.poller, addresses_.get(), kAddresses.packed());
  read_addresses();
}

void Server::read_addresses() {
  if (addresses_) sys::drain_address_changes(addresses_);
  plan::Networks addresses;
  if (read_own_networks(addresses)) worker_.machine.set_addresses(std::move(addresses));
}

std::string Server::record() {
  std::string error =
      config().record_file.empty() ? std::string{} : recorder_.begin_run(config().record_file);
  if (error.empty()) error = check_record_folder(config().record_folder);
  recorder_.save_crash_in(config().record_folder);
  return error;
}

std::string Server::listening_text() const {
  return "listening on " + watch::list(admission_.acceptors().addresses());
}

void Server::announce() {
  notifier_.ready(listening_text(), clock_.now_us());
  if (const std::string notice = watch::mistake_notice(); !notice.empty())
    reporter_.say_everywhere(notice, worker_.now);
  if (const console::ShownFile* const file = pages_.shown(); file != nullptr)
    return reporter_.say(file->name + ": open http://" + watch::list(admission_.acceptors().addresses()) +
                             "/ in a browser. Ctrl-C stops it.",
                         worker_.now);
  for (const std::string& line : watch::announcement(config(), admission_.acceptors(), worker_.machine))
    reporter_.say(line, worker_.now);
  const bool is_notable = sandbox_.is_missing() || config().verbosity != plan::Verbosity::none;
  if (is_notable && !sandbox_.notice().empty()) reporter_.say(sandbox_.notice(), worker_.now);
}

// ---- one turn --------------------------------------------------------------------------------------------

void Server::turn() {
  const sys::Waited waited = wait();
  begin_turn(waited.count);
  ++worker_.waits;
  worker_.all_reported = waited.all;                                           // PLANT(wait-has-seen-all)
  for (std::size_t i = 0; i < waited.count; ++i) mark(events_[i]);             // PLANT(mark-before-run)
  turn_mark_.next->slot -= static_cast<std::uint32_t>(worker_.viewer_events);  // of the entry of the turn
  doctor_.begin_turn(std::span{events_}.first(waited.count), waited.all, admission_.acceptors().all());
  handle_signals();
  wake_resolved();  // PLANT(wake-after-lookup)
  run_health_checks();
  worker_.scheduler.expire(worker_.now);
  resources_.upstreams.expire(worker_.now);
  admission_.accept_clients();
  resources_.files.expire(worker_.now);
  feed_starved();  // PLANT(feed-starved)
  run_ready();
  end_turn(waited.count);
  report();
  free_generations();
  poll_shutdown();
  notifier_.poll(clock_.now_us());
}

// When idle clients are closed although another process has replaced this one: shortly before the end of the
// shutdown, so that a request that crosses the FIN is still read.
std::uint64_t Server::idle_deadline() const noexcept {
  return shutdown_.deadline() -
         std::min<std::uint64_t>(config().drain_ms / 2, config().wait(plan::Wait::linger));
}

void Server::poll_shutdown() {
  if (shutdown_.begun() || stopping()) notifier_.stopping();
  if (!shutdown_.begun()) return;
  if (worker_.replaced && worker_.now >= idle_deadline()) {
    worker_.replaced = false;
    begin_drain(worker_);
  }
  const std::string message =
      shutdown_.poll(worker_.now, used_by_clients(worker_), requests_in_flight(worker_));
  if (message.empty()) return;
  reporter_.say(message, worker_.now);
  notifier_.say(message);
}

// Waits for events, at most until a timer is due.
sys::Waited Server::wait() {
  timeout_ms_ = sleep_ms();
  const std::uint64_t due_us = 1000 * (worker_.now + static_cast<std::uint64_t>(std::max(timeout_ms_, 0)));
  const sys::Waited waited = sys::wait(resources_.poller, events_, timeout_ms_);
  clock_.read();
  if (timeout_ms_ > 0 && clock_.now_us() >= due_us) reporter_.count_poll_delay(clock_.now_us() - due_us);
  return waited;
}

void Server::begin_turn(std::size_t events) {
  worker_.budget.begin_turn();
  worker_.runs = worker_.viewer_runs = worker_.viewer_events = 0;
  turn_mark_ = worker_.trace.mark();
  pages_.begin_turn(worker_.trace.written());
  worker_.trace.add(turn_entry(base::TraceEvent::turn_began, clock_.now_us(), events));
}

// Only viewers of the board ran, or the loop woke only because there are some.
bool Server::is_of_viewers() const noexcept {
  const bool alone = worker_.viewers > 0 && used_by_clients(worker_) == 0;
  return (worker_.viewer_runs > 0 || worker_.viewer_events > 0 || alone) && worker_.runs == 0 &&
         worker_.trace.written() == pages_.turn_position() + 1;
}

void Server::end_turn(std::size_t events) {
  const std::uint64_t now_us = sys::now_us();
  const bool unseen = is_of_viewers();
  if (unseen) worker_.trace.take_back(turn_mark_);  // PLANT(take-back-turn)
  doctor_.end_turn({.timeout_ms = timeout_ms_,
                    .woke = clock_.now_us(),
                    .ended = now_us,
                    .events = events,
                    .runs = worker_.runs,
                    .progress = reload_ || recorder_.active() || worker_.viewer_runs > 0});
  if (doctor_.look_due())
    doctor_.look({.acceptors = admission_.acceptors().all(),
                  .dropped_lines = reporter_.dropped_lines(),
                  .lost_entries = reporter_.lost_entries() + recorder_.lost_entries(),
                  .descriptors = descriptors(),
                  .verbose = config().verbosity != plan::Verbosity::none});
  if (unseen) return;
  worker_.trace.add(turn_entry(base::TraceEvent::turn_ended, now_us, worker_.runs));
  reporter_.count_turn(now_us - clock_.now_us());
}

void Server::mark(const sys::Event& event) {
  const net::Token token = net::Token::unpacked(event.token);
  switch (token.kind) {
    case Kind::client:
    case Kind::upstream: return deliver(token, event, worker_);
    case Kind::lookup: return;  // wakes a record (`wake_resolved`); no descriptor has it
    case Kind::check: return health_checker_.mark(token, event);
    case Kind::acceptor: return admission_.mark(token.slot);
    case Kind::resolver:
      worker_.budget.spend(base::Work::kDnsMessage);
      return resources_.resolver.mark(token);
    case Kind::signals: return read_signals();
    case Kind::addresses: return read_addresses();
    case Kind::handover: return handover_.mark();
  }
}

void Server::read_signals() {
  for (;;) switch (sys::next_signal(signals_)) {
      case sys::Signal::none: return;
      case sys::Signal::reopen: reporter_.reopen_log(worker_.now); break;
      case sys::Signal::record: begin_recording(); break;
      case sys::Signal::reload: reload_requested_ = true; break;
      case sys::Signal::interrupt: shutdown_.stop(); break;
      case sys::Signal::terminate: shutdown_.request(); break;
    }
}

// Not while marking: both change what the other events of the same batch refer to.
void Server::handle_signals() {
  if (!shutdown_.begun()) advance_reload();
  if (handover_.marked()) run_handover();
  if (shutdown_.requested()) begin_shutdown();
  if (!shutdown_.begun()) return;
  reload_.reset();
  reload_requested_ = false;
}

// The service manager must know the successor before the successor reports to it.
void Server::run_handover() {
  const Handover::Result result = handover_.run(admission_.acceptors());
  for (const std::string& message : result.messages) reporter_.say(message, worker_.now);
  if (result.successor == 0) return;
  notifier_.set_main(result.successor);
  if (!handover_.confirm()) return notifier_.set_main(sys::process_id());
  notifier_.retire();
  reporter_.say("taken over by process " + std::to_string(result.successor), worker_.now);
  worker_.replaced = true;
  if (!shutdown_.requested()) shutdown_.request();  // SIGTERM in the same turn: a second one stops at once
}

// Wakes records and health checks whose DNS lookup has completed.
void Server::wake_resolved() {
  for (const net::Token& token : resources_.resolver.woken(worker_.now))
    if (token.kind == Kind::check)
      health_checker_.wake(token);
    else if (request_info* const record = worker_.table.find(token); record != nullptr)
      worker_.scheduler.wake(*record);
}

// Before records pick an upstream in this turn.
void Server::run_health_checks() {
  for (const HealthChecker::Change& change : health_checker_.run(worker_.now))
    reporter_.say(text_of(change), worker_.now);
}

// Lets records that wait for a block run if there are free ones. If records still wait, ends one that holds a
// block and must return it.
void Server::feed_starved() {
  state::feed_starved(worker_);
  request_info* const holder = state::starving_others(worker_);
  if (holder == nullptr) return;
  holder->verdict = base::Reason::no_buffer;
  worker_.scheduler.wake(*holder);
}

void Server::run_ready() {
  const std::uint64_t given_before = worker_.table.given();
  run_records(worker_);
  worker_.pipes.expire(worker_.now);
  if (worker_.table.given() != given_before) admission_.resume();
}

// ---- time ------------------------------------------------------------------------------------------------

// How long the loop may sleep if there is no event; -1: without limit.
int Server::sleep_ms() {
  if (reload_ || reload_requested_ || recorder_.active() || doctor_.has_news() || !worker_.scheduler.idle() ||
      state::can_feed(worker_) || admission_.can_accept())
    return 0;
  std::uint64_t at = 0;
  const auto consider = [&at](std::uint64_t time) {
    if (time != 0 && (at == 0 || time < at)) at = time;
  };
  consider(worker_.scheduler.next_deadline());
  consider(state::block_wait_deadline(worker_));
  consider(reporter_.next_flush());
  consider(doctor_.next_look());
  consider(resources_.upstreams.next_deadline());
  consider(worker_.pipes.next_deadline());
  consider(resources_.files.next_deadline());
  consider(health_checker_.next_deadline());
  consider(worker_.replaced && shutdown_.begun() ? idle_deadline() : shutdown_.deadline());
  consider(admission_.next_deadline());
  consider(notifier_.next_deadline());
  if (worker_.scheduler.awaited(Share::hash)) consider(std::max(worker_.budget.pause_ends(), worker_.now));
  if (const int ms = resources_.resolver.timeout_ms(worker_.now); ms >= 0)
    consider(worker_.now + static_cast<std::uint64_t>(ms));
  release_pages();
  if (at == 0) return -1;
  constexpr std::uint64_t kLongestMs = 3'600'000;
  return at <= worker_.now ? 0 : static_cast<int>(std::min(at - worker_.now, kLongestMs));
}

void Server::release_pages() {
  const std::span<std::byte> idle = resources_.blocks.trim(kTrimMin);
  if (!idle.empty()) sys::release_pages(idle.data(), idle.size());
}

// ---- output ----------------------------------------------------------------------------------------------

// Logs and counts the requests completed in this turn, and writes the lines that are due.
void Server::report() {
  reporter_.print(worker_.trace);
  if (doctor_.has_news()) report_findings();
  const bool keeps_notes = worker_.viewers > 0 || worker_.board_requests > 0 ||
                           !config().record_folder.empty() || !config().record_file.empty();
  for (const ExchangePtr& request : worker_.finished) {
    reporter_.log(request->log, worker_.now);
    if (keeps_notes) recorder_.add(*request);
  }
  worker_.finished.clear();
  write_recordings();
  reporter_.flush_if_due(worker_.now);
}

void Server::report_findings() {
  for (const std::string& message : doctor_.take_messages()) reporter_.say(message, worker_.now);
}

// What is due of record files.
void Server::write_recordings() {
  if (const std::string error = recorder_.write_run(); !error.empty()) watch::print_diagnostics(error);
  if (!recorder_.active()) record_finding();
  if (!recorder_.active()) return;
  if (const std::string message = recorder_.write_next(); !message.empty())
    reporter_.say(message, worker_.now);
}

// A finding that begins while another file is written waits in the doctor.
void Server::record_finding() {
  const watch::Finding error = doctor_.take_error();
  const std::string& folder = config().record_folder;
  if (error == watch::Finding::count || folder.empty()) return;
  if (const std::string message = recorder_.begin_for_finding(folder, watch::row(error).code);
      !message.empty())
    watch::print_diagnostics(message);
}

void Server::begin_recording() {
  const std::string& folder = config().record_folder;
  if (folder.empty())
    return watch::print_diagnostics("SIGUSR2: nothing is saved: start with --record-dir FOLDER");
  if (const std::string error = recorder_.begin(folder, "SIGUSR2"); !error.empty())
    watch::print_diagnostics(error);
}

std::size_t Server::descriptors() const noexcept {
  const std::size_t own =
      std::size_t{resources_.poller.open()} + std::size_t{signals_.open()} + std::size_t{addresses_.open()};
  return own + admission_.acceptors().descriptors() + health_checker_.descriptors() +
         reporter_.descriptors() + recorder_.descriptors() + notifier_.descriptors() +
         handover_.descriptors() + sandbox_.descriptors();
}

// ---- reload and shutdown ---------------------------------------------------------------------------------

// A file is read in each turn, and other work of the turn waits for the next one.
void Server::advance_reload() {
  if (reload_)
    reload_->read_next();
  else if (std::exchange(reload_requested_, false))
    begin_reload();
  else
    return;
  worker_.budget.spend(base::TurnBudget::kUnits);
  if (!reload_->pending()) finish_reload();
}

void Server::begin_reload() {
  notifier_.reloading(clock_.now_us());
  reload_.emplace(arguments_, *generations_.back(), resources_.capacity.slots, sandbox_);
}

void Server::finish_reload() {
  Loaded loaded = std::move(*reload_).result();
  reload_.reset();
  for (const std::string& warning : loaded.warnings) watch::print_diagnostics(warning);
  std::string error = std::move(loaded.error);
  if (loaded.generation) error = adopt(std::move(loaded.generation));
  constexpr std::string_view kFailed = "reload failed: the configuration is unchanged";
  notifier_.ready(error.empty() ? listening_text() : std::string{kFailed}, clock_.now_us());
  if (!error.empty())
    // PLANT(report-failed-reload)
    return watch::print_diagnostics(error + "\n" + std::string{kFailed});
  for (const std::string& warning : config::rule_warnings(config().rules)) watch::print_diagnostics(warning);
  if (const std::string names = start_options_.changed(config()); !names.empty())
    watch::print_diagnostics("restart to change " + names + ": a reload keeps the values of the start");
  reporter_.say("reloaded; proxy " + std::string{plan::kVersion} + " listens on " +
                    watch::list(admission_.acceptors().addresses()),
                worker_.now);
}

// Makes `next` the newest generation. Returns an error message, and then nothing has changed; empty: success.
std::string Server::adopt(std::unique_ptr<plan::Generation> next) {
  if (std::string error = admission_.prepare(next->config); !error.empty()) return error;
  generations_.reserve(generations_.size() + 1);
  if (std::string error = admission_.commit(next->config); !error.empty()) return error;
  generations_.push_back(std::move(next));
  worker_.current = generations_.back().get();
  health_checker_.use(worker_.current);
  resources_.files.forget();
  resources_.resolver.use(config().nameservers);
  resources_.upstreams.reset(idle_upstreams_max(config()));
  reporter_.configure(config());
  recorder_.save_crash_in(config().record_folder);
  warn_of_loops();
  return {};
}

// Frees the generations that no connection uses.
void Server::free_generations() {
  if (generations_.size() == 1) return;
  std::erase_if(generations_, [this](const std::unique_ptr<plan::Generation>& generation) {
    return generation != generations_.back() && generation->records == 0;  // PLANT(free-unused-generation)
  });
}

void Server::begin_shutdown() {
  if (!shutdown_.begin(worker_.now, config().drain_ms)) return;
  admission_.close();
  handover_.close();
  resources_.files.forget();
  resources_.upstreams.reset(0);
  health_checker_.use(nullptr);
  begin_drain(worker_);
}

}  // namespace server
