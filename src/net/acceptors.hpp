// All listening sockets. A reload changes them together or not at all. A socket whose address is still
// requested stays open, with its accept queue.
#pragma once
#include "acceptor.hpp"

namespace net {

// The set of listening sockets.
class Acceptors {
 public:
  // A requested listening address.
  struct Wanted {
    sys::Address address;   // port 0: any free port
    bool optional = false;  // skipped if the system lacks the address; port 0: the port of the previous one
    sys::PortUse use = sys::PortUse::alone;
  };
  // The result of `prepare`.
  struct Fault {
    int error = 0;  // errno; 0: none
    sys::Address address;
    bool ours = false;  // the port is in use by an acceptor that is to be closed
  };
  // Returns a message: what failed and what to do.
  static std::string text_of(const Fault& fault);
  // A listening socket and its place in the configuration.
  struct Entry {
    Acceptor acceptor;
    sys::Address wanted;            // as requested
    std::uint8_t config_index = 0;  // index in the requested list
    bool is_to_stay = true;         // false: the prepared change closes it
    std::uint64_t accepted = 0;     // clients since it was opened
    bool watched = true;            // false: adopted, and `commit` has not run since
  };

  // Adds a listening socket that another program has opened, as if it had been opened for `wanted`. It does
  // not accept yet: `prepare` uses it if its address is requested, and `commit` closes it otherwise.
  void adopt(sys::Fd listener, const sys::Address& wanted);
  // The addresses of adopted sockets that the prepared change does not use.
  [[nodiscard]] std::vector<sys::Address> unused() const;

  // Opens the requested addresses that are not open yet; `commit` makes them accept. Changes nothing on
  // error. REQUIRES: at most 256 addresses.
  Fault prepare(std::span<const Wanted> wanted);
  // Completes the prepared change: watches the new sockets and closes those that are not requested any more.
  // Returns 0, or errno: nothing has changed.
  int commit(const sys::Fd& poller);
  // Closes all.
  void close() noexcept { entries_.clear(), addresses_.clear(); }

  // The open acceptors. Valid until the next change.
  [[nodiscard]] std::span<Entry> all() noexcept { return entries_; }
  // The same, read-only.
  [[nodiscard]] std::span<const Entry> all() const noexcept { return entries_; }
  // The bound addresses. Valid until the next change.
  [[nodiscard]] std::span<const sys::Address> addresses() const noexcept { return addresses_; }
  // The number of their open descriptors, those of a prepared change included.
  [[nodiscard]] std::size_t descriptors() const noexcept;
  // Marks the acceptor of an event; `slot` is from the event's token.
  void mark(std::uint32_t slot) noexcept {
    if (slot < entries_.size()) entries_[slot].acceptor.mark();
  }

 private:
  struct Next {
    sys::Fd fresh;  // none: `entry` stays open
    std::size_t entry = 0;
    sys::Address wanted, bound;
    std::uint8_t config_index = 0;
  };
  [[nodiscard]] std::vector<std::size_t> claims(std::span<const Wanted> wanted);
  int open_all(std::span<const Wanted> wanted, std::span<const std::size_t> claimed, Fault& fault);
  [[nodiscard]] bool is_taken_by_us(const sys::Address& address) const noexcept;

  std::vector<Entry> entries_;
  std::vector<Next> next_;
  std::vector<sys::Address> addresses_;
};

}  // namespace net
