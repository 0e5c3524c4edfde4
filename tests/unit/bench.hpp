// A bench for the machine: real records and state functions on the simulated kernel, without the loop, so
// that a test can check each step.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "../../src/plan/generation.hpp"
#include "../../src/state/block_size.hpp"
#include "../../src/state/events.hpp"
#include "../sim/kernel.hpp"

namespace bench {

// A kind world: no shortage, no split reads.
class First final : public sim::Chooser {
 public:
  std::uint32_t choose(std::uint32_t) override { return 0; }
};

inline sim::Temper kind(std::size_t room = 1 << 20) {
  return {.short_io = 0, .split = 0, .error = 0, .linger = 0, .send_room = room};
}

inline sys::Address origin_address() {
  sys::Address address;
  sys::parse_ip("10.0.0.1", 80, address);
  return address;
}

// The simulated world of sys::, valid while the members after this one live.
struct Inside {
  explicit Inside(sim::World& in) : world(in) { world.enter(); }
  ~Inside() { world.leave(); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  sim::World& world;
};

// Memory for a pool or a table.
template <class T>
struct Room {
  explicit Room(std::size_t bytes)
      : memory(static_cast<std::byte*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096))) {}
  ~Room() { std::free(memory); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  std::byte* memory;
};

class Bench {
 public:
  explicit Bench(std::size_t blocks = 16, std::size_t send_room = 1 << 20, bool http10 = true,
                 const http::HeadLimits& heads = {})
      : world(chooser, kind(send_room)), block_limit(blocks), block_bytes(state::block_bytes_for(heads)) {
    poller = sys::make_poller().fd;
    listener = sys::listen(sys::loopback4(8080), 1).fd;
    resolver.emplace(poller);
    config.http10 = http10;
    config.listeners.emplace_back();
    worker.emplace(Worker{.current = &generation,
                          .poller = poller,
                          .table = table,
                          .scheduler = scheduler,
                          .shares = shares,
                          .blocks = blocks_pool,
                          .pipes = pipes,
                          .exchanges = exchanges,
                          .resolver = *resolver,
                          .upstreams = upstreams,
                          .trace = trace,
                          .head_limits = heads,
                          .date = "Sun, 06 Nov 1994 08:49:37 GMT"});
    worker->now = 1000;
  }
  ~Bench() {
    for (std::uint32_t slot = 0; slot < table.touched(); ++slot)
      if (table.at(slot).state != State::FREE) release(table.at(slot), base::Reason::shutdown, *worker);
    worker->finished.clear();
    while (upstreams.close_oldest()) {
    }
    worker.reset();
    resolver.reset();
    listener.reset();
    poller.reset();
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // A client connects from that address, else from the world's `peer_address`, and is admitted or refused.
  sim::ConnectionPtr client(std::string_view from = {}) {
    sys::Address peer = world.peer_address;
    if (!from.empty()) sys::parse_ip(from, 0, peer);
    auto connection = world.connect_to_program(8080, peer);
    admit(sys::accept(listener, peer).fd, peer, 0, *worker);
    return connection;
  }
  // The last record that was admitted.
  request_info& record(std::uint32_t slot = 0) { return table.at(slot); }

  sim::World::Host& origin() { return world.host(origin_address(), sim::World::Host::Manner::accepts); }

  // Marks the records of all events that are due. Returns their number.
  std::size_t deliver_events() {
    std::vector<sys::Event> events(16);
    const std::size_t count = sys::wait(poller, events, 0).count;
    for (std::size_t i = 0; i < count; ++i) {
      const net::Token token = net::Token::unpacked(events[i].token);
      if (token.kind == net::Token::Kind::client || token.kind == net::Token::Kind::upstream)
        deliver(token, events[i], *worker);
    }
    return count;
  }
  // Runs what is ready, once.
  void run_turn() {
    worker->now = std::max(worker->now, worker->budget.pause_ends());  // sleeps so long
    worker->budget.begin_turn();
    auto& finished = worker->finished;
    if (finished.size() > 16) finished.erase(finished.begin(), finished.end() - 1);  // they hold exchanges
    run_records(*worker);
    most_spent = std::max(most_spent, worker->budget.spent());
    ++turns;
  }
  // Runs until nothing more can happen without time passing.
  void settle() {
    for (int still = 0; still < 3;) {
      const std::size_t count = deliver_events();
      for (const net::Token& token : resolver->woken(worker->now))
        if (request_info* const found = table.find(token); found != nullptr) scheduler.wake(*found);
      const bool busy = count > 0 || !scheduler.idle() || scheduler.awaited(Share::hash) || !world.still();
      for (int n = 0; n < 100 && (!scheduler.idle() || scheduler.awaited(Share::hash)); ++n) {
        run_turn();
      }
      still = busy ? 0 : still + 1;
    }
  }
  // Advances the clock and handles what is due.
  void pass(std::uint64_t ms) {
    worker->now += ms;
    scheduler.expire(worker->now);
    settle();
  }

  std::string read(const sim::ConnectionPtr& connection) {
    settle();
    std::string out;
    for (std::string piece; !(piece = world.remote_read(*connection, 1 << 20)).empty(); settle())
      out += piece;
    return out;
  }
  void send(const sim::ConnectionPtr& connection, std::string_view bytes) {
    while (!bytes.empty()) {
      bytes.remove_prefix(world.remote_send(*connection, bytes));
      settle();
    }
  }
  sim::ConnectionPtr arrival(sim::World::Host& host) {
    settle();
    if (host.arrivals.empty()) return nullptr;
    auto connection = host.arrivals.front();
    host.arrivals.pop_front();
    return connection;
  }
  // All resources have been returned.
  [[nodiscard]] bool clean() const {
    return table.used() == 0 && blocks_pool.used() == 0 && pipes.used() == 0 &&
           world.sockets() == upstreams.idle();
  }
  [[nodiscard]] const AccessRecord& last() const { return worker->finished.back()->log; }

  std::uint64_t most_spent = 0;  // units of work, in one turn
  std::size_t turns = 0;
  static constexpr std::uint32_t kSlots = 8;
  First chooser;
  sim::World world;
  Inside inside{world};
  std::size_t block_limit, block_bytes;
  plan::Generation generation;
  plan::Config& config = generation.config;
  sys::Fd poller, listener;
  Room<base::Block> block_memory{base::BlockPool::footprint(16, block_bytes)};
  Room<Exchange> exchange_memory{ExchangePool::footprint(64)};
  Room<request_info> record_memory{kSlots * sizeof(request_info)};
  base::BlockPool blocks_pool{block_memory.memory, block_limit, block_bytes};
  net::Pipes pipes{16};
  ExchangePool exchanges{exchange_memory.memory, 64};
  Table table{reinterpret_cast<request_info*>(record_memory.memory), kSlots};
  plan::Shares shares{kSlots, {}};
  Scheduler scheduler{table, shares};
  net::UpstreamPool upstreams{8};
  std::array<base::TraceEntry, 4096> trace_room{};
  base::Trace trace{trace_room};
  std::optional<net::Resolver> resolver;
  std::optional<Worker> worker;
};

}  // namespace bench
