#include "acceptors.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "endpoint.hpp"

namespace net {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
constexpr int kPairTries = 16;  // port 0: the port must be free for both addresses of a pair

bool lacks_addresses(int error) noexcept { return error == EADDRNOTAVAIL || error == EAFNOSUPPORT; }

}  // namespace

// Returns for each requested address the index of its open entry, or kNone.
std::vector<std::size_t> Acceptors::claims(std::span<const Wanted> wanted) {
  for (Entry& entry : entries_) entry.is_to_stay = false;
  std::vector<std::size_t> claimed(wanted.size(), kNone);
  const auto claim = [this, &claimed, wanted](bool by_requested) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (claimed[i] != kNone) continue;
      const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        const sys::Address& address = by_requested ? entry.wanted : entry.acceptor.address();
        return !entry.is_to_stay && address == wanted[i].address;
      });
      if (found == entries_.end()) continue;
      found->is_to_stay = true;
      claimed[i] = static_cast<std::size_t>(found - entries_.begin());
    }
  };
  claim(true);
  claim(false);
  return claimed;
}

// bind(2) fails for 0.0.0.0:80 while 127.0.0.1:80 is open.
bool Acceptors::is_taken_by_us(const sys::Address& address) const noexcept {
  return std::any_of(entries_.begin(), entries_.end(), [&address](const Entry& entry) {
    return !entry.is_to_stay && entry.acceptor.address().port == address.port &&
           entry.acceptor.address().family == address.family;
  });
}

// Opens the missing addresses. Returns 0, or errno for `fault.address`. EAGAIN: the port that the system
// chose is not free for the second address of the pair.
int Acceptors::open_all(std::span<const Wanted> wanted, std::span<const std::size_t> claimed, Fault& fault) {
  next_.clear();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    Next next{{}, claimed[i], wanted[i].address, wanted[i].address, static_cast<std::uint8_t>(i)};
    if (next.entry != kNone) {
      next.bound = entries_[next.entry].acceptor.address();
      next_.push_back(std::move(next));
      continue;
    }
    const bool chosen_for_us = wanted[i].optional && next.bound.port == 0 && !next_.empty();
    if (chosen_for_us) next.bound.port = next_.back().bound.port;
    fault.address = next.bound;
    sys::Opened opened = sys::listen(next.bound, Acceptor::kBacklog, wanted[i].use);
    if (opened.error == EADDRINUSE && chosen_for_us && next_.back().fresh) return EAGAIN;
    if (wanted[i].optional && lacks_addresses(opened.error)) continue;
    if (opened.error != 0) return opened.error;
    next.bound = sys::local_address(opened.fd);
    next.fresh = std::move(opened.fd);
    next_.push_back(std::move(next));
  }
  return 0;
}

void Acceptors::adopt(sys::Fd listener, const sys::Address& wanted) {
  const sys::Address bound = sys::local_address(listener);
  entries_.push_back({.acceptor = Acceptor{std::move(listener), bound}, .wanted = wanted, .watched = false});
}

std::vector<sys::Address> Acceptors::unused() const {
  std::vector<sys::Address> found;
  for (const Entry& entry : entries_)
    if (!entry.watched && !entry.is_to_stay) found.push_back(entry.acceptor.address());
  return found;
}

Acceptors::Fault Acceptors::prepare(std::span<const Wanted> wanted) {
  const std::vector<std::size_t> claimed = claims(wanted);
  Fault fault;
  for (int tries = 0; tries < kPairTries; ++tries) {
    fault.error = open_all(wanted, claimed, fault);
    if (fault.error == 0) return {};
    if (fault.error != EAGAIN) break;
  }
  if (fault.error == EAGAIN) fault.error = EADDRINUSE;
  fault.ours = fault.error == EADDRINUSE && is_taken_by_us(fault.address);
  next_.clear();
  for (Entry& entry : entries_) entry.is_to_stay = true;
  return fault;
}

int Acceptors::commit(const sys::Fd& poller) {
  const auto token = [](std::size_t slot) {
    return Token{0, static_cast<std::uint32_t>(slot), Token::Kind::acceptor}.packed();
  };
  for (std::size_t slot = 0; slot < next_.size(); ++slot) {
    const Next& next = next_[slot];
    if (!next.fresh && entries_[next.entry].watched) continue;
    const sys::Fd& fd = next.fresh ? next.fresh : entries_[next.entry].acceptor.fd();
    const int error = sys::watch(poller, fd.get(), token(slot));
    if (error == 0) continue;
    next_.clear();
    for (Entry& entry : entries_) entry.is_to_stay = true;
    return error;
  }
  std::vector<Entry> entries;
  addresses_.clear();
  for (std::size_t slot = 0; slot < next_.size(); ++slot) {
    Next& next = next_[slot];
    addresses_.push_back(next.bound);
    if (next.fresh) {
      entries.push_back({Acceptor{std::move(next.fresh), next.bound}, next.wanted, next.config_index});
      continue;
    }
    Entry& old = entries_[next.entry];
    // Clients in its accept queue are reported again, with the new slot.
    if (old.watched) sys::rearm(poller, old.acceptor.fd().get(), token(slot));
    entries.push_back({std::move(old.acceptor), next.wanted, next.config_index, true, old.accepted});
  }
  entries_ = std::move(entries);
  next_.clear();
  return 0;
}

std::size_t Acceptors::descriptors() const noexcept {
  std::size_t count = 0;
  for (const Entry& entry : entries_) count += entry.acceptor.descriptors();
  for (const Next& next : next_) count += next.fresh ? 1U : 0U;
  return count;
}

std::string Acceptors::text_of(const Fault& fault) {
  const std::string where{sys::endpoint_text(fault.address).view()};
  if (fault.ours)
    return "cannot listen on " + where +
           ": a listener that this reload removes still uses the port; remove it in a reload of its own, or "
           "restart";
  switch (fault.error) {
    case EADDRINUSE:
      return "cannot listen on " + where +
             ": another program uses the port; choose another port, or stop that program";
    case EACCES: return "cannot listen on " + where + ": permission denied; choose a port from 1024 up";
    case EADDRNOTAVAIL:
      return "cannot listen on " + where + ": this machine does not have that address (see ip addr)";
    default: return "cannot listen on " + where + ": " + std::strerror(fault.error);
  }
}

}  // namespace net
