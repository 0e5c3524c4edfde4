// All listening sockets. They change together: to just what is wanted, or not at all. One whose address is
// still wanted stays as it is, with those who wait to be accepted.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "acceptor.hpp"

namespace net {

class Acceptors {
 public:
  struct Wanted {
    sys::Address address;  // port 0: any free one
    bool optional =
        false;  // may be missing where there are no such addresses; port 0: that of the one before
  };
  struct Fault {
    int error = 0;  // errno; 0: none
    sys::Address address;
    bool ours = false;  // the port is taken by one of our own listeners, which is not wanted any more
  };
  // What is wrong, and what to do.
  static std::string text_of(const Fault& fault);
  struct Entry {
    Acceptor acceptor;
    sys::Address wanted;            // as it was asked for
    std::uint8_t config_index = 0;  // among what was wanted
    bool is_to_stay = true;         // after the change that is prepared
    std::uint64_t accepted = 0;     // clients so far
  };

  // Opens what is wanted and not open yet; nobody is accepted there before `commit`. With a fault all is as
  // it was. REQUIRES: at most 256 are wanted.
  Fault prepare(std::span<const Wanted> wanted);
  // Makes the change; those that are not to stay are closed. Or errno, and nothing has changed.
  int commit(const sys::Fd& poller);
  void close() noexcept { entries_.clear(), addresses_.clear(); }

  [[nodiscard]] std::span<Entry> all() noexcept { return entries_; }
  [[nodiscard]] std::span<const Entry> all() const noexcept { return entries_; }
  // Where they listen. Good until the next change.
  [[nodiscard]] std::span<const sys::Address> addresses() const noexcept { return addresses_; }
  // Of an event's token.
  void mark(std::uint32_t slot) noexcept {
    if (slot < entries_.size()) entries_[slot].acceptor.mark();
  }

 private:
  struct Next {
    sys::Fd fresh;  // none: a door that stays
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
