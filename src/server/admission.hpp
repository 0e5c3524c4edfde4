// Accepts connections from the listeners. When there is no descriptor, refuses them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "../net/acceptors.hpp"
#include "../plan/config.hpp"
#include "../state/worker.hpp"

namespace server {

class Admission {
 public:
  // REQUIRES: `worker` outlives this.
  explicit Admission(Worker& worker);

  // Adds a listening socket that another program has opened (Acceptors::adopt).
  void adopt(sys::Fd listener, const sys::Address& wanted) { acceptors_.adopt(std::move(listener), wanted); }
  // Opens the listeners of `next` that are not open yet; they accept nothing before `commit`. Returns an
  // error message, and then nothing has changed; empty: success.
  std::string prepare(const plan::Config& next);
  // Replaces the listeners by the prepared ones of `next`. Accepts the connections that wait at those it
  // closes. Returns like `prepare`.
  std::string commit(const plan::Config& next);
  // Returns a warning for each TCP proxy of the configuration that leads back to itself, as far as this is
  // known without a DNS lookup. REQUIRES: `commit` has succeeded.
  std::vector<std::string> loops(const plan::Config& config);
  // Accepts all connections that wait, and closes all listeners.
  void close();

  // An event of the listener with that number.
  void mark(std::uint32_t slot) noexcept { acceptors_.mark(slot); }
  // Accepts connections from all listeners, each at most `kAcceptsMax`.
  void accept_clients();
  // Descriptors were closed: ends all pauses after "no descriptor".
  void resume() noexcept;

  [[nodiscard]] bool can_accept() const noexcept;
  // When the next pause of a listener ends, ms; 0: never.
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;
  [[nodiscard]] const net::Acceptors& acceptors() const noexcept { return acceptors_; }

 private:
  static constexpr std::size_t kAcceptsMax = 256;  // connections of one listener in a turn

  sys::Fd accept_one(net::Acceptors::Entry& entry, sys::Address& peer, std::string_view refusal);
  void accept_from(net::Acceptors::Entry& entry, std::size_t most);
  void drain_backlog(net::Acceptors::Entry& entry);
  void set_own_listeners(const plan::Config& config);

  Worker& worker_;
  net::Acceptors acceptors_;
  std::string refusal_;  // the 503 for clients when there is no descriptor
};

}  // namespace server
