// This machine as a destination: its addresses, and the listeners of this process. Finds connections that
// lead back to the proxy.
#pragma once
#include <array>
#include <bitset>
#include <span>
#include <vector>

#include "roles.hpp"

namespace plan {

// What a listener does with the bytes of a client. A connection to one that forwards nothing cannot loop.
enum class Forwards : std::uint8_t { nothing, requests, bytes };

struct Config;
// Returns what that listener of the configuration forwards.
Forwards forwards(const Config& config, const Listener& listener) noexcept;

class ThisMachine {
 public:
  // An open listener of the newest configuration. Records can still have an older one.
  struct Entry {
    sys::Address address;   // bound
    std::size_t index = 0;  // in Config::listeners of the newest
    Forwards forwards = Forwards::nothing;
    Role role = Role::forward;
  };

  // The entry of that listener of the configuration, bound to `bound`.
  static Entry entry_of(const Config& config, std::size_t index, const sys::Address& bound) noexcept;

  // Replaces the addresses of the interfaces.
  void set_addresses(Networks addresses) noexcept { addresses_ = std::move(addresses); }
  // Replaces the listeners, and forgets where TCP proxies lead.
  void set_listeners(std::vector<Entry> listeners) noexcept;

  [[nodiscard]] std::span<const Network> addresses() const noexcept { return addresses_; }
  [[nodiscard]] std::span<const Entry> listeners() const noexcept { return listeners_; }

  // Returns true if a connection to that address and port arrives at a listener that is bound to `own`.
  [[nodiscard]] bool arrives_at(const sys::Address& to, const sys::Address& own) const noexcept;
  // Returns true if a connection to that address and port arrives at a listener that forwards. An IPv4
  // address embedded in an IPv6 address counts too.
  [[nodiscard]] bool is_loop(const sys::Address& to) const noexcept;
  // The TCP proxy of listener `from` is about to connect to `to`. Returns true if it would lead back to
  // itself, over any number of TCP proxies. Otherwise remembers where it leads.
  [[nodiscard]] bool closes_loop(std::size_t from, const sys::Address& to) noexcept;

 private:
  using Indices = std::bitset<kListenersMax>;

  [[nodiscard]] const Entry* destination(const sys::Address& to, Forwards least) const noexcept;

  Networks addresses_;
  std::vector<Entry> listeners_;
  std::array<Indices, kListenersMax> leads_to_;  // of each TCP proxy, as far as known: those that it reaches
};

// This machine, if a process with that configuration runs there. `addresses`: its own. Listeners with port 0
// are not known.
ThisMachine machine_of(const Config& config, Networks addresses);

}  // namespace plan
