// Asks the servers behind us how they are, where their group has a path for that (plan::Group::check_path):
// a GET over a connection of its own, which ends with the answer's head. A status of 2xx or 3xx is well;
// another one is not, nor is a server without an answer in time, or whose answer is not HTTP.
//
// A check is a small client beside the records: none of their states, queues and deadlines are its own. As
// with them, events only set marks, and all is done afterwards, in `run`.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../../request_state.hpp"

namespace server {

class HealthChecker {
 public:
  static constexpr std::size_t kAtOnce = 16;
  // A check takes no longer, from the look-up to the answer's head; nor longer than Wait::response_head.
  static constexpr std::uint64_t kLongestMs = 5'000;

  // REQUIRES: all three outlive it. Of `blocks` each check has one at most, while its answer comes.
  HealthChecker(const sys::Fd& poller, net::Resolver& resolver, base::BlockPool& blocks) noexcept
      : poller_(poller), resolver_(resolver), blocks_(blocks) {}
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;

  // From now on the servers of this generation are asked, those with a path at once; null: nobody is. What is
  // under way is given up, and nothing is learnt from it. REQUIRES: both it and the one before are alive.
  void use(const plan::Generation* whom) noexcept;

  void mark(const net::Token& token, const sys::Event& event) noexcept;  // of a check's connection
  void wake(const net::Token& token) noexcept;                           // a server's name was looked up

  // A server that was well is not any more, or is again.
  struct Change {
    const plan::Group* group;
    const plan::Hop* server;
    bool well;
    std::uint16_t status;  // of the answer; 0: there was none
    base::Reason reason;   // why there was none
  };
  // Goes on with the checks that are marked or late, and begins those that are due. What has changed is valid
  // until the next call, and no longer than the generation.
  std::span<const Change> run(std::uint64_t now);
  // When `run` has something to do though nothing is marked, ms; 0: never.
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;

  [[nodiscard]] std::size_t under_way() const noexcept;

 private:
  struct Probe {
    // While it connects it may end before, as another address is tried then.
    [[nodiscard]] std::uint64_t deadline() const noexcept {
      return server.link == net::Link::connecting ? next_at : until;
    }
    net::Endpoint server;  // its link says how far the check is; none: there is no check here
    bool marked = false;
    std::size_t group = 0, member = 0;
    std::uint64_t until = 0;        // the end of the check
    std::uint64_t next_at = 0;      // while it connects: when the next address is tried instead; or `until`
    std::uint8_t next_address = 0;  // of those to try
    net::Addresses addresses;
    std::size_t sent = 0;  // of `request`
    std::string request;
    base::BlockPtr block;           // null: nothing has come yet
    std::size_t begin = 0;          // of the head: those before it were 1xx
    std::size_t end = 0, seen = 0;  // of what has come; of the head, what was looked at in vain
  };
  // How a check went: a status, or the reason why there is none.
  struct Finding {
    std::uint16_t status = 0;
    base::Reason reason = base::Reason::none;
  };
  // Empty: it is to wait.
  using Found = std::optional<Finding>;

  Probe* find(const net::Token& token) noexcept;
  [[nodiscard]] net::Token token_of(const Probe& probe) const noexcept;
  Found advance(Probe& probe, std::uint64_t now);
  Found look_up(Probe& probe, std::uint64_t now);
  Found connect_next(Probe& probe, std::uint64_t now, base::Reason otherwise) noexcept;
  int begin_connection(Probe& probe, const sys::Address& address) noexcept;
  Found connecting(Probe& probe, std::uint64_t now) noexcept;
  Found talk(Probe& probe) noexcept;
  static Found parse(Probe& probe) noexcept;
  void go_on(Probe& probe, std::uint64_t now);
  void conclude(Probe& probe, const Finding& finding);
  void begin_those_due(std::uint64_t now);

  const sys::Fd& poller_;
  net::Resolver& resolver_;
  base::BlockPool& blocks_;
  const plan::Generation* generation_ = nullptr;  // null: nobody is asked
  std::array<Probe, kAtOnce> probes_;
  std::uint32_t serial_ = 0;
  std::uint64_t begin_at_ = 0;  // when the next check is due; 0: none is, unless one ends
  std::vector<Change> changes_;
};

// "health check /up of localhost:3000 failed (503): ejected until a check passes", for people.
std::string text_of(const HealthChecker::Change& change);

}  // namespace server
