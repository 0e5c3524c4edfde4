// The program: options, wiring, and the loop.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "request_state.hpp"
#include "src/base/trace.hpp"
#include "src/config/command_line.hpp"
#include "src/config/json.hpp"
#include "src/config/rule_text.hpp"
#include "src/explain/explain.hpp"
#include "src/http/reply.hpp"
#include "src/http/rewrite.hpp"
#include "src/net/acceptors.hpp"
#include "src/net/resolver.hpp"
#include "src/plan/crypt.hpp"
#include "src/state/capacity.hpp"
#include "src/state/checker.hpp"
#include "src/state/generation.hpp"
#include "src/sys/reservation.hpp"
#include "src/watch/announcement.hpp"
#include "src/watch/reporter.hpp"

namespace {

constexpr std::size_t kEventsMax = 512;      // taken from epoll at once
constexpr std::size_t kAcceptsMax = 256;     // clients taken from one listener in a turn
constexpr std::size_t kTrimWorthwhile = 64;  // blocks: below this their memory is kept

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

// `lines`: one, or several.
void complain(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    sys::write_stderr("proxy: " + std::string{lines.substr(0, end)} + "\n");
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

int fail(int status, const std::string& message) {
  complain(message);
  return status;
}

// ---- the proxy -------------------------------------------------------------------------------------------

base::SipKey random_key() noexcept {
  base::SipKey key;
  sys::random_bytes(std::as_writable_bytes(std::span{&key, 1}));
  return key;
}

std::string hexadecimal(std::uint32_t number) {
  std::array<char, 9> text;
  std::snprintf(text.data(), text.size(), "%08x", number);
  return text.data();
}

// What a client is told for whom there is no descriptor; made while there is time, so its date is that of the
// start.
std::string refusal_text(std::string_view name) {
  std::array<char, http::kAnswerBytesMax> room;
  std::array<char, http::kDateBytes> date;
  http::write_date(sys::wall_ms(), date);
  const http::Hop hop{name, {date.data(), date.size()}};
  return std::string{room.data(), http::write_answer({.reason = base::Reason::no_descriptor}, hop, room)};
}

std::size_t idle_upstreams(const plan::Config& config) noexcept {
  return config.http10 ? 0 : config.keep_upstreams;
}

std::vector<net::Acceptors::Wanted> wanted_listeners(const plan::Config& config) {
  std::vector<net::Acceptors::Wanted> wanted;
  for (const plan::Listener& listener : config.listeners)
    wanted.push_back({listener.address, listener.optional});
  return wanted;
}

// Descriptors the program begins with.
struct Begun {
  sys::Fd poller, signals;
  watch::Reporter::Streams told;
};

class Proxy {
 public:
  // `arguments`: of the command line, to be read anew; they outlive us.
  Proxy(plan::Config config, const Capacity& capacity, Begun begun,
        std::span<const char* const> arguments = {})
      : arguments_(arguments),
        generations_(first_generation(std::move(config), capacity)),
        capacity_(capacity),
        at_start_{this->config().max_requests, this->config().buffer_mib, this->config().access_log},
        poller_(std::move(begun.poller)),
        signals_(std::move(begun.signals)),
        records_(capacity.slots * sizeof(request_info)),
        block_memory_(base::BlockPool::footprint(capacity.blocks)),
        exchange_memory_(ExchangePool::footprint(2 * std::size_t{capacity.slots})),
        blocks_(block_memory_.memory(), capacity.blocks),
        pipes_(capacity.pipes),
        exchanges_(exchange_memory_.memory(), 2 * std::size_t{capacity.slots}),
        table_(reinterpret_cast<request_info*>(records_.memory()), capacity.slots),
        resolver_(poller_),
        upstreams_(idle_upstreams(this->config())),
        checker_(poller_, resolver_, blocks_),
        services_(*generations_.back(), poller_, table_, blocks_, pipes_, exchanges_, resolver_, upstreams_,
                  trace_),
        reporter_(std::move(begun.told), services_, listeners_) {
    services_.run_id = run_id_;
    services_.files = &files_;
    services_.pages = &reporter_;
    services_.requests_max = capacity.requests;
    services_.finished.reserve(2 * std::size_t{capacity.slots});
    checker_.ask(generations_.back().get());
    read_clocks();
  }

  // All memory was to be had.
  [[nodiscard]] bool complete() const noexcept {
    return records_.memory() != nullptr && block_memory_.memory() != nullptr &&
           exchange_memory_.memory() != nullptr;
  }

  ~Proxy() {
    for (std::uint32_t slot = 0; slot < table_.touched(); ++slot)
      if (table_.at(slot).state != State::FREE) release(table_.at(slot), base::Reason::shutdown, services_);
    reporter_.poll();
    reporter_.flush();
  }
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // Opens what the configuration names. Empty, or what is wrong and what to do.
  std::string listen();
  // Reads whom to ask for a password. Empty, or what is wrong.
  std::string begin() { return read_users(*generations_.back(), random_key()); }
  // Says so.
  void announce();
  void serve() {
    while (!stopping()) turn();
  }
  void turn();
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  [[nodiscard]] Services& services() noexcept { return services_; }
  using Generations = std::vector<std::unique_ptr<Generation>>;
  // The last is the youngest; of those before, all that still serve somebody.
  [[nodiscard]] const Generations& generations() const noexcept { return generations_; }

 private:
  using Kind = net::Token::Kind;

  static Generations first_generation(plan::Config config, const Capacity& capacity);
  // The youngest.
  [[nodiscard]] const plan::Config& config() const noexcept { return generations_.back()->config; }
  void mark(const sys::Event& event);
  void wake_the_named();
  void check_servers();
  void accept_clients();
  void accept_from(net::Acceptors::Entry& door, std::size_t most);
  void accept_those_before_it_closes(net::Acceptors::Entry& door);
  void make_way();
  void feed_the_starved();
  [[nodiscard]] bool can_feed() const noexcept;
  [[nodiscard]] const TimerQueue& half_read_heads() const noexcept;
  void run_ready();
  void heed_signals();
  void obey();
  void reload();
  std::string adopt(std::unique_ptr<Generation> next);
  void tell_what_cannot_change() const;
  void drain();
  void end_generations();
  void tell_whom_we_wait_for();
  void read_clocks();
  void give_memory_back();
  [[nodiscard]] bool may_accept(const net::Acceptor& listener) const noexcept;
  [[nodiscard]] int sleep_ms();

  std::span<const char* const> arguments_;
  Generations generations_;
  Capacity capacity_;
  // What is not changed without a restart.
  struct AtStart {
    std::size_t max_requests, buffer_mib;
    std::string access_log;
  } at_start_;
  sys::Fd poller_, signals_;
  sys::Reservation records_, block_memory_, exchange_memory_;
  base::BlockPool blocks_;
  net::Pipes pipes_;
  ExchangePool exchanges_;
  Table table_;
  net::Resolver resolver_;
  net::UpstreamPool upstreams_;
  Checker checker_;
  files::Server files_;
  std::string run_id_ = hexadecimal(static_cast<std::uint32_t>(random_key().low));
  std::string refusal_ = refusal_text(config().name);
  base::Trace trace_;
  Services services_;
  net::Acceptors listeners_;
  watch::Reporter reporter_;
  std::array<sys::Event, kEventsMax> events_;
  std::array<char, http::kDateBytes> date_{};
  std::uint64_t date_second_ = 0;
  bool to_reload_ = false;        // SIGHUP has come; obeyed between two batches of events
  bool to_drain_ = false;         // so has SIGTERM
  bool told_ = false;             // for whom we wait before the end
  std::uint64_t drained_at_ = 0;  // the latest end of it; 0: there is none yet
  bool stopping_ = false;
};

// ---- the loop --------------------------------------------------------------------------------------------

// Events only set marks; then each marked record runs, once.
void Proxy::turn() {
  const std::size_t count = sys::wait(poller_, events_, sleep_ms());
  read_clocks();
  for (std::size_t i = 0; i < count; ++i) mark(events_[i]);  // PLANT(mark-before-run)
  obey();
  wake_the_named();  // PLANT(wake-after-lookup)
  check_servers();
  expire(services_);
  upstreams_.expire(services_.now);
  accept_clients();
  feed_the_starved();  // PLANT(feed-starved)
  run_ready();
  reporter_.poll();
  end_generations();
  if (services_.draining) tell_whom_we_wait_for();
}

void Proxy::mark(const sys::Event& event) {
  const net::Token token = net::Token::unpacked(event.token);
  switch (token.kind) {
    case Kind::client:
    case Kind::upstream: return deliver(token, event, services_);
    case Kind::lookup: return;  // never an event
    case Kind::check: return checker_.mark(token, event);
    case Kind::acceptor: return listeners_.mark(token.slot);
    case Kind::resolver: return resolver_.mark(token, event);
    case Kind::signals: return heed_signals();
  }
}

void Proxy::heed_signals() {
  for (;;) switch (sys::next_signal(signals_)) {
      case sys::Signal::none: return;
      case sys::Signal::reopen: reporter_.reopen_log(); break;
      case sys::Signal::reload: to_reload_ = true; break;
      case sys::Signal::interrupt: stopping_ = true; break;
      case sys::Signal::terminate:
        stopping_ |= services_.draining || to_drain_;
        to_drain_ = true;
        break;
    }
}

// What signals have asked for changes what events are for: so it waits until all are marked.
void Proxy::obey() {
  if (to_reload_ && !services_.draining) reload();
  if (to_drain_ && !services_.draining) drain();
  to_reload_ = to_drain_ = false;
}

// Whose host's name has been looked up.
void Proxy::wake_the_named() {
  for (const net::Token& token : resolver_.woken(services_.now))
    if (token.kind == Kind::check)
      checker_.wake(token);
    else if (request_info* const record = table_.find(token); record != nullptr)
      wake(*record, services_);
}

// Who is to be left out from now on, or no more, is known before the records choose.
void Proxy::check_servers() {
  for (const Checker::Change& change : checker_.run(services_.now)) reporter_.say(text_of(change));
}

bool Proxy::may_accept(const net::Acceptor& listener) const noexcept {
  return table_.used() < table_.slots() && listener.ready(services_.now);
}

void Proxy::accept_clients() {
  for (net::Acceptors::Entry& door : listeners_.all()) accept_from(door, kAcceptsMax);
}

void Proxy::accept_from(net::Acceptors::Entry& door, std::size_t most) {
  for (std::size_t n = 0; n < most && may_accept(door.acceptor); ++n) {
    sys::Address peer;
    make_way();
    const bool speaks_http = !plan::kind_of(services_.generation->config.listeners[door.config_index].role);
    // PLANT(refusal-only-http)
    const std::string_view refusal = speaks_http ? std::string_view{refusal_} : std::string_view{};
    if (sys::Fd client = door.acceptor.accept(peer, services_.now, refusal))
      door.accepted += admit(std::move(client), peer, door.config_index, services_) ? 1 : 0;
  }
}

// They are connected as far as they can see.
void Proxy::accept_those_before_it_closes(net::Acceptors::Entry& door) {
  door.acceptor.mark();
  accept_from(door, net::Acceptor::kBacklog);
}

// Who has been served and is silent goes when a newcomer would be refused for want of room.
void Proxy::make_way() {
  const TimerQueue& kept = services_.timers[static_cast<std::size_t>(plan::Wait::keep_alive)];
  if (table_.used() < services_.requests_max || kept.empty()) return;
  request_info& oldest = table_.at(kept.front());
  if (!oldest.ready.linked())
    release(oldest, base::Reason::client_idle, services_);  // else it has just spoken
}

const TimerQueue& Proxy::half_read_heads() const noexcept {
  return services_.timers[static_cast<std::size_t>(plan::Wait::request_head)];
}

bool Proxy::can_feed() const noexcept {
  // PLANT(wait-while-starved)
  return !services_.starved.empty() && (blocks_.used() < blocks_.limit() || !half_read_heads().empty());
}

// Those who wait for a block run again, as many as there are blocks. If there are none, the oldest head that
// is not whole yet makes room: so a slow flood starves itself, not others.
void Proxy::feed_the_starved() {
  std::size_t room = blocks_.limit() - blocks_.used();
  for (; room > 0 && !services_.starved.empty(); --room)
    wake(table_.at(services_.starved.front()), services_);
  if (services_.starved.empty() || half_read_heads().empty()) return;
  request_info& oldest = table_.at(half_read_heads().front());
  oldest.verdict = base::Reason::memory_short;
  wake(oldest, services_);
}

// Each record that is queued now runs once; one that queues itself again waits for the next turn.
void Proxy::run_ready() {
  const std::uint64_t given_before = table_.given();
  const std::uint32_t last = services_.ready.back();
  while (!services_.ready.empty()) {
    const std::uint32_t slot = services_.ready.pop();
    advance(table_.at(slot), services_);
    if (slot == last) break;
  }
  if (table_.given() == given_before) return;
  for (net::Acceptors::Entry& door : listeners_.all())
    door.acceptor.resume();  // descriptors have become free
}

void Proxy::read_clocks() {
  services_.now = sys::now_ms();
  services_.wall_ms = sys::wall_ms();
  if (services_.wall_ms / 1000 == date_second_) return;
  date_second_ = services_.wall_ms / 1000;
  http::write_date(services_.wall_ms, date_);
  services_.date = {date_.data(), date_.size()};
}

// How long nothing needs to be done without an event; -1: for ever.
int Proxy::sleep_ms() {
  if (!services_.ready.empty() || can_feed()) return 0;
  std::uint64_t at = next_deadline(services_);
  const auto consider = [&at](std::uint64_t time) {
    if (time != 0 && (at == 0 || time < at)) at = time;
  };
  consider(reporter_.next_flush());
  consider(upstreams_.next_deadline());
  consider(checker_.next_deadline());
  consider(drained_at_);
  for (const net::Acceptors::Entry& door : listeners_.all()) {
    if (may_accept(door.acceptor)) return 0;
    if (table_.used() < table_.slots()) consider(door.acceptor.wakes_at());
  }
  if (const int ms = resolver_.timeout_ms(); ms >= 0)
    consider(services_.now + static_cast<std::uint64_t>(ms));
  give_memory_back();
  if (at == 0) return -1;
  constexpr std::uint64_t kLongest = 3'600'000;
  return at <= services_.now ? 0 : static_cast<int>(std::min(at - services_.now, kLongest));
}

void Proxy::give_memory_back() {
  const std::span<std::byte> idle = blocks_.trim(kTrimWorthwhile);
  if (!idle.empty()) sys::release_pages(idle.data(), idle.size());
}

// ---- opening ---------------------------------------------------------------------------------------------

Proxy::Generations Proxy::first_generation(plan::Config config, const Capacity& capacity) {
  Generations first;
  first.push_back(std::make_unique<Generation>(std::move(config)));
  limit_clients(*first.back(), nullptr, capacity.slots, random_key());
  group_servers(*first.back(), random_key());
  return first;
}

std::string Proxy::listen() {
  if (const auto fault = listeners_.prepare(wanted_listeners(config())); fault.error != 0)
    return net::Acceptors::text_of(fault);
  if (const int error = listeners_.commit(poller_); error != 0)
    return std::string{"cannot watch the listeners: "} + std::strerror(error);
  services_.own = listeners_.addresses();
  return {};
}

void Proxy::announce() {
  for (const std::string& line : watch::announcement(config(), listeners_)) reporter_.say(line);
}

// ---- another configuration
// ---------------------------------------------------------------------------------

void Proxy::reload() {
  config::CommandLine line = config::parse_command_line(arguments_);
  for (const std::string& warning : line.warnings) complain(warning);
  std::string wrong = std::move(line.message);
  if (line.what == config::CommandLine::What::run)
    wrong = adopt(std::make_unique<Generation>(std::move(line.config)));
  if (!wrong.empty())
    // PLANT(report-failed-reload)
    return complain(wrong + "\nnothing was reloaded: all goes on as it was configured before");
  for (const std::string& warning : config::rule_warnings(config().rules)) complain(warning);
  tell_what_cannot_change();
  reporter_.say("reloaded; proxy " + std::string{plan::kVersion} + " listens on " +
                watch::list(listeners_.addresses()));
}

// Empty, or why it cannot be; then nothing has changed.
std::string Proxy::adopt(std::unique_ptr<Generation> next) {
  if (std::string wrong = read_users(*next, random_key()); !wrong.empty()) return wrong;
  limit_clients(*next, generations_.back().get(), capacity_.slots, random_key());
  group_servers(*next, generations_.back()->group_key);
  if (const auto fault = listeners_.prepare(wanted_listeners(next->config)); fault.error != 0)
    return net::Acceptors::text_of(fault);
  generations_.reserve(generations_.size() + 1);
  for (net::Acceptors::Entry& door : listeners_.all())
    if (!door.is_to_stay) accept_those_before_it_closes(door);  // PLANT(accept-before-close)
  if (const int error = listeners_.commit(poller_); error != 0)
    return std::string{"cannot watch the listeners: "} + std::strerror(error);
  generations_.push_back(std::move(next));
  services_.generation = generations_.back().get();
  checker_.ask(services_.generation);
  services_.own = listeners_.addresses();
  files_.forget();
  upstreams_.reset(idle_upstreams(config()));
  refusal_ = refusal_text(config().name);
  reporter_.on_reload();
  return {};
}

void Proxy::tell_what_cannot_change() const {
  std::string names;
  const auto consider = [&names](bool changed, const char* name) {
    if (changed) names += (names.empty() ? "" : ", ") + std::string{name};
  };
  consider(config().max_requests != at_start_.max_requests, "--max-requests");
  consider(config().buffer_mib != at_start_.buffer_mib, "--buffers");
  consider(config().access_log != at_start_.access_log, "--access-log");
  if (!names.empty()) complain("only a restart changes " + names + ", which stays as it was");
}

// What nobody is served by any more goes.
void Proxy::end_generations() {
  if (generations_.size() == 1) return;
  services_.use(*generations_.back());
  std::erase_if(generations_, [this](const std::unique_ptr<Generation>& generation) {
    return generation != generations_.back() && generation->records == 0;  // PLANT(free-unused-generation)
  });
}

// ---- the end
// -----------------------------------------------------------------------------------------------

void Proxy::drain() {
  if (config().drain_ms == 0) {
    stopping_ = true;
    return;
  }
  for (net::Acceptors::Entry& door : listeners_.all()) accept_those_before_it_closes(door);
  services_.own = {};
  listeners_.close();  // PLANT(drain-closes-listeners)
  files_.forget();
  upstreams_.reset(0);
  checker_.ask(nullptr);
  drained_at_ = services_.now + config().drain_ms;
  ::drain(services_);
}

void Proxy::tell_whom_we_wait_for() {
  stopping_ |= table_.used() == 0 || services_.now >= drained_at_;  // PLANT(drain-waits)
  const std::size_t count = under_way(services_);
  if (told_ || stopping_ || count == 0) return;
  told_ = true;
  reporter_.say("draining: " + std::to_string(count) + (count == 1 ? " request" : " requests") +
                " under way, at most " + std::to_string((config().drain_ms + 999) / 1000) +
                " s; a second signal ends them");
}

int run(const plan::Config& config, std::span<const char* const> arguments) {
  const auto failed = [](const char* what, int error) {
    return fail(kExitFailed, std::string{what} + ": " + std::strerror(error));
  };
  sys::Opened poller = sys::make_poller();
  if (!poller.fd) return failed("cannot make an epoll instance", poller.error);
  sys::Opened signals = sys::make_signalfd();
  if (!signals.fd) return failed("cannot take signals", signals.error);
  constexpr net::Token kSignals{0, 0, net::Token::Kind::signals};
  if (const int error = sys::watch(poller.fd, signals.fd.get(), kSignals.packed()); error != 0)
    return failed("cannot watch for signals", error);
  sys::Opened output = sys::open_stdout();
  const watch::LogTarget where = watch::log_target(config.access_log);
  sys::Opened log_file{{}, 0};
  if (config.access_log != "-" && config.access_log != "off") {
    log_file = where.backend->open(where.path.c_str());
    if (!log_file.fd) return failed(("cannot open the log " + config.access_log).c_str(), log_file.error);
  }
  const Capacity capacity = capacity_for(config);
  const auto proxy = std::make_unique<Proxy>(
      config, capacity,
      Begun{std::move(poller.fd), std::move(signals.fd), {std::move(output.fd), std::move(log_file.fd)}},
      arguments);
  if (!proxy->complete())
    return fail(kExitFailed, "cannot reserve memory; smaller --buffers or --max-requests help");
  if (const std::string error = proxy->begin(); !error.empty()) return fail(kExitUsage, error);
  if (const std::string error = proxy->listen(); !error.empty()) return fail(kExitFailed, error);
  for (const std::string& warning : config::rule_warnings(config.rules))
    sys::write_stderr("proxy: " + warning + "\n");
  proxy->announce();
  proxy->serve();
  return 0;
}

}  // namespace

// proxy explain ...: what would be done with a request.
int explain_request(std::span<const char* const> arguments) {
  explain::Question question;
  std::vector<const char*> rest{"0"};  // the options are those of a proxy, which has a port
  if (const std::string wrong = explain::read_question(arguments, question, rest); !wrong.empty())
    return fail(kExitUsage, wrong);
  const config::CommandLine line = config::parse_command_line(rest);
  for (const std::string& warning : line.warnings) complain(warning);
  if (line.what == config::CommandLine::What::wrong) return fail(kExitUsage, line.message);
  std::fputs(explain::explain(line.config, question, explain::look_up).c_str(), stdout);
  return 0;
}

int main(int argc, char** argv) {
  const std::size_t given = argc > 0 ? static_cast<std::size_t>(argc) - 1 : 0;
  if (given > 0 && std::string_view{argv[1]} == "explain") return explain_request({argv + 2, given - 1});
  const std::span<const char* const> arguments{argv + (argc > 0 ? 1 : 0), given};
  const config::CommandLine line = config::parse_command_line(arguments);
  for (const std::string& warning : line.warnings) complain(warning);
  switch (line.what) {
    case config::CommandLine::What::wrong: return fail(kExitUsage, line.message);
    case config::CommandLine::What::checked:
      for (const std::string& warning : config::rule_warnings(line.config.rules)) complain(warning);
      std::printf("%s\n", line.message.c_str());
      return 0;
    case config::CommandLine::What::help: std::printf("%s", config::help_text().c_str()); return 0;
    case config::CommandLine::What::version:
      std::printf("proxy %s, names by %s%s%s\n", std::string{plan::kVersion}.c_str(),
                  std::string{net::NameSource::description()}.c_str(),
                  plan::make_crypt() ? ", passwords by libcrypt" : "",
                  config::has_json() ? ", files by nlohmann-json" : "");
      return 0;
    case config::CommandLine::What::run: break;
  }
  return run(line.config, arguments);
}
