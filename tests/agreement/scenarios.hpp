// One set of scripts for two kernels: what the program sees through sys.hpp must be the same on Linux and on
// the simulated kernel, since all that the simulation shows rests on that. This file is all that a script can
// touch.
//
// After each step everything that is on its way arrives (`Stage::settle`): so a script says what must be seen
// when the network is quiet, which Linux does not leave to chance. In which order things arrive is the
// Chooser's business.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "../../src/sys/sys.hpp"

namespace agreement {

enum class Ending : std::uint8_t { none, end, reset };
struct Heard {
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
  virtual Heard read() = 0;    // all there is
  virtual bool broken() = 0;   // RST has come, and `read` has not told it yet
  virtual Ending drain() = 0;  // reads until nothing of ours is left on the way
  virtual void finish() = 0;   // FIN, goes on reading
  virtual void close() = 0;
  virtual void reset() = 0;  // close with SO_LINGER 0

  // What our end does, told to it because Linux lets nobody look at what is on its way: one must know what to
  // wait for.
  virtual void joined(int /*fd*/) {}  // our end is this descriptor
  virtual void ours_sent() {}         // after transmit
  virtual void ours_is_full() {}      // after transmit said `again`; returns when no ACK can come any more
  virtual void ours_shut() {}         // after shutdown_write
  virtual void ours_closes(bool /*linger0*/) {}  // before close
  virtual void ours_is_dropped() {}              // the listener is closed before it was accepted
};

// A remote host that we connect to.
enum class Manner : std::uint8_t {
  accepts,
  refuses,   // RST answers SYN
  swallows,  // nothing answers
};

class Stage {
 public:
  Stage() = default;
  virtual ~Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  virtual sys::Address free_place() = 0;  // where we can listen
  // A peer connects to our listener; null: refused. `fits`: there is room in the backlog, otherwise null:
  // dropped.
  virtual std::unique_ptr<Peer> dial(int listener, const sys::Address& place, bool fits) = 0;
  virtual int add_host(Manner manner) = 0;
  virtual sys::Address place_of(int host) = 0;
  virtual std::unique_ptr<Peer> expected(int host) = 0;   // before we connect to it: will be the other end
  virtual void take(int host, Peer& peer) = 0;            // the host accepts our connection
  virtual void relent(int host) = 0;                      // one that swallows accepts from now on
  virtual void vanish(int host) = 0;                      // one that swallows refuses from now on
  virtual void limit_descriptors(int most) = 0;           // the first number that is not to be had
  virtual void settle(std::span<Peer* const> peers) = 0;  // all that is on its way arrives
};

std::unique_ptr<Stage> make_stage();  // linux.cpp's or the simulation's: one of them is linked

struct Scenario {
  const char* name;
  const char* steps;  // separated by semicolons; the verbs are in script.cpp
};
std::span<const Scenario> scenarios();

// A line for each step: the step and what was seen.
std::string play(const Scenario& scenario, Stage& stage);

}  // namespace agreement
