// One set of scripts for two kernels: the results of sys.hpp must be the same on Linux and on the simulated
// kernel, on which the simulator's results depend. This file is the interface of a script.
//
// After each step all bytes in flight arrive (`Stage::settle`): a script compares a quiet network, where
// Linux is deterministic. Orders of arrival are tested by the simulator's Chooser.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "../../src/sys/sys.hpp"

namespace agreement {

enum class Ending : std::uint8_t { none, end, reset };
struct ReadResult {
  std::string bytes;
  Ending ending;
};

// The other end of a connection.
class Peer {
 public:
  Peer() = default;
  virtual ~Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  virtual bool send(std::string_view bytes) = 0;
  virtual ReadResult read() = 0;  // all there is
  virtual bool broken() = 0;      // RST has arrived and `read` has not reported it yet
  virtual Ending drain() = 0;     // reads until no byte of ours is in flight
  virtual void finish() = 0;      // sends FIN, reads on
  virtual void close() = 0;
  virtual void reset() = 0;  // close with SO_LINGER 0

  // Reports what our end does. Linux does not show bytes in flight, so the peer must know what to wait for.
  virtual void joined(int /*fd*/) {}  // our end is this descriptor
  virtual void ours_sent() {}         // after transmit
  virtual void ours_is_full() {}  // after transmit returned `again`; returns when no ACK can arrive any more
  virtual void ours_shut() {}     // after shutdown_write
  virtual void ours_closes(bool /*linger0*/) {}  // before close
  virtual void ours_is_dropped() {}              // the listener is closed before accepting it
};

// A remote host that the program connects to.
enum class Manner : std::uint8_t {
  accepts,
  refuses,   // replies RST to SYN
  swallows,  // does not reply
};

class Stage {
 public:
  Stage() = default;
  virtual ~Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  virtual sys::Address free_place() = 0;  // an address to listen on
  // Connects a peer to our listener; null: refused. `fits`: the backlog has room; otherwise null: dropped.
  virtual std::unique_ptr<Peer> dial(int listener, const sys::Address& place, bool fits) = 0;
  virtual int add_host(Manner manner) = 0;
  virtual sys::Address place_of(int host) = 0;
  virtual std::unique_ptr<Peer> expected(int host) = 0;   // the other end, before we connect
  virtual void take(int host, Peer& peer) = 0;            // the host accepts our connection
  virtual void relent(int host) = 0;                      // a host without replies accepts from now on
  virtual void vanish(int host) = 0;                      // a host without replies refuses from now on
  virtual void limit_descriptors(int most) = 0;           // the first number that is not available
  virtual void settle(std::span<Peer* const> peers) = 0;  // delivers all bytes in flight
};

std::unique_ptr<Stage> make_stage();  // of Linux or of the simulation: one of them is linked

struct Scenario {
  const char* name;
  const char* steps;  // separated by semicolons; the verbs are in script.cpp
};
std::span<const Scenario> scenarios();

// Returns a line for each step: the step and its result.
std::string play(const Scenario& scenario, Stage& stage);

}  // namespace agreement
