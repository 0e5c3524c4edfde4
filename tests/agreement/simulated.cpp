// The simulated kernel without faults and without random choices.
#include <cstdlib>
#include <iostream>
#include <vector>

#include "../sim/kernel.hpp"
#include "scenarios.hpp"

namespace agreement {
namespace {

// Chooses the first possibility, and all available bytes.
class Plain final : public sim::Chooser {
 public:
  std::uint32_t choose(std::uint32_t /*n*/) override { return 0; }
  std::size_t some(std::size_t n) override { return n; }
};

constexpr sim::Temper kPlain{.short_io = 0, .split = 0, .error = 0, .linger = 0, .send_room = 4096};

class SimPeer final : public Peer {
 public:
  SimPeer(sim::World& world, sim::ConnectionPtr connection)
      : world_(world), connection_(std::move(connection)) {}

  bool send(std::string_view bytes) override {
    return world_.remote_send(*connection_, bytes) == bytes.size();
  }
  ReadResult read() override { return {world_.remote_read(*connection_, ~std::size_t{0} >> 1), ending()}; }
  bool broken() override { return connection_->remote_reset; }
  Ending drain() override {
    while (!world_.remote_read(*connection_, ~std::size_t{0} >> 1).empty()) world_.settle();
    return ending();
  }
  void finish() override { world_.remote_shutdown(*connection_); }
  void close() override { world_.remote_close(*connection_); }
  void reset() override { world_.remote_rst(*connection_); }

  void meet(sim::ConnectionPtr connection) { connection_ = std::move(connection); }

 private:
  // End of stream is reported before a later error, as in tcp_recvmsg().
  [[nodiscard]] Ending ending() const {
    if (connection_->down.fin_arrived) return Ending::end;
    return connection_->remote_reset ? Ending::reset : Ending::none;
  }

  sim::World& world_;
  sim::ConnectionPtr connection_;
};

class SimStage final : public Stage {
 public:
  SimStage() { world_.enter(); }

  sys::Address free_place() override { return sys::loopback4(next_port_++); }
  std::unique_ptr<Peer> dial(int /*listener*/, const sys::Address& place, bool /*fits*/) override {
    auto connection = world_.connect_to_program(place.port);
    if (!connection) return nullptr;
    return std::make_unique<SimPeer>(world_, connection);
  }
  int add_host(Manner manner) override {
    using In = sim::World::Host::Manner;
    const In there = manner == Manner::accepts   ? In::accepts
                     : manner == Manner::refuses ? In::refuses
                                                 : In::swallows;
    hosts_.push_back(&world_.host(free_place(), there));
    return static_cast<int>(hosts_.size()) - 1;
  }
  sys::Address place_of(int host) override { return at(host).address; }
  std::unique_ptr<Peer> expected(int /*host*/) override { return std::make_unique<SimPeer>(world_, nullptr); }
  void take(int host, Peer& peer) override {
    static_cast<SimPeer&>(peer).meet(at(host).arrivals.front());
    at(host).arrivals.pop_front();
  }
  void relent(int host) override { answer(host, sim::Connection::Phase::connecting); }
  void vanish(int host) override { answer(host, sim::Connection::Phase::refused); }
  void limit_descriptors(int most) override { world_.descriptor_limit = static_cast<std::size_t>(most); }
  void settle(std::span<Peer* const> /*peers*/) override {
    world_.settle();
    if (world_.broken.empty()) return;
    std::cout.flush();
    std::cerr << "agreement: " << world_.broken << '\n';
    std::exit(2);
  }

 private:
  sim::World::Host& at(int host) { return *hosts_.at(static_cast<std::size_t>(host)); }
  // The next SYN, which the connection retransmits, gets a reply.
  void answer(int host, sim::Connection::Phase phase) {
    for (const sim::ConnectionPtr& connection : world_.connections())
      if (connection->to == at(host).address && connection->phase == sim::Connection::Phase::black_hole)
        connection->phase = phase;
  }

  Plain chooser_;
  sim::World world_{chooser_, kPlain};
  std::vector<sim::World::Host*> hosts_;
  std::uint16_t next_port_ = 8080;
};

}  // namespace

std::unique_ptr<Stage> make_stage() { return std::make_unique<SimStage>(); }

}  // namespace agreement
