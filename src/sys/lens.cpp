#include "lens.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "descriptor_ledger.hpp"
#include "raw.hpp"

namespace sys {
namespace {

// Of one call: `most` or less.
constexpr std::size_t limited(std::size_t wanted, std::uint32_t most) noexcept {
  return most == 0 ? wanted : std::min<std::size_t>(wanted, most);
}

constexpr Io kAgain{Outcome::again, 0, 0};
constexpr Io kEnd{Outcome::eof, 0, 0};
constexpr Io forced_failure(int error) noexcept { return {Outcome::fail, error, 0}; }

}  // namespace

Lens::Lens(const LensSettings& settings)
    : settings_(settings), draws_(base::mixed(settings.seed)), descriptors_(kDescriptorsMax) {
  held_.reserve(kDescriptorsMax);
}

Lens::Descriptor* Lens::find(int fd) noexcept {
  return static_cast<unsigned>(fd) < kDescriptorsMax ? &descriptors_[static_cast<std::size_t>(fd)] : nullptr;
}

// ---- what is known of descriptors ------------------------------------------------------------------------

// Each connection has choices of its own: they do not depend on what others do meanwhile.
void Lens::add_stream(const Fd& socket, bool connecting) noexcept {
  Descriptor* const found = find(socket.get());
  if (found == nullptr) return;
  *found = {};
  found->stream = true;
  found->connecting = connecting;
  found->draws = base::Draws{base::mixed(settings_.seed + base::Draws::kStep * ++streams_)};
}

void Lens::watched(int fd, std::uint64_t token) noexcept {
  Descriptor* const found = find(fd);
  if (found == nullptr) return;
  found->token = token;
  found->watched = true;
}

void Lens::closed(int fd) noexcept {
  Descriptor* const found = find(fd);
  if (found == nullptr) return;
  if (found->watched)
    std::erase_if(held_, [found](const Held& one) { return one.event.token == found->token; });
  *found = {};
}

bool Lens::holds(int fd) const noexcept {
  if (static_cast<unsigned>(fd) >= kDescriptorsMax || !descriptors_[static_cast<std::size_t>(fd)].watched)
    return false;
  const std::uint64_t token = descriptors_[static_cast<std::size_t>(fd)].token;
  return std::any_of(held_.begin(), held_.end(),
                     [token](const Held& one) { return one.event.token == token; });
}

// The kernel reports such a socket as writable when the handshake has succeeded or failed.
bool Lens::is_connecting(const Fd& socket, Descriptor& descriptor) noexcept {
  if (!descriptor.connecting) return false;
  Level level{.fd = socket.get()};
  raw::levels({&level, 1});
  descriptor.connecting = !level.writable;
  return descriptor.connecting;
}

bool Lens::out_of_descriptors() const noexcept {
  return settings_.descriptors_max != 0 && descriptors().open() >= settings_.descriptors_max;
}

// ---- events ----------------------------------------------------------------------------------------------

void Lens::hold(const Event& event, int fd) noexcept {
  held_.push_back({event, now_ms() + settings_.delay_ms, fd});
}

// The kernel reports no edge for what is ready already: the lens makes one up.
void Lens::owe(int fd, Descriptor& descriptor, Way way) noexcept {
  bool& owes = way == Way::read ? descriptor.owes_read : descriptor.owes_write;
  if (std::exchange(owes, true)) return;
  hold({.token = descriptor.token,
        .readable = way == Way::read,
        .writable = way == Way::write,
        .finished = false,
        .hung = false,
        .forced = true},
       fd);
}

// Not longer than until the next event that is held back.
int Lens::shortened(int timeout_ms) const noexcept {
  if (held_.empty()) return timeout_ms;
  const std::uint64_t now = now_ms(), due = held_.front().due;
  const int left = due <= now ? 0 : static_cast<int>(due - now);
  return timeout_ms < 0 ? left : std::min(left, timeout_ms);
}

// Moves the events that are due into `into`. Returns their number.
std::size_t Lens::deliver(std::span<Event> into) noexcept {
  const std::uint64_t now = now_ms();
  std::size_t count = 0;
  while (count < into.size() && count < held_.size() && held_[count].due <= now) {
    const Held& one = held_[count];
    if (one.fd >= 0 && one.event.readable) descriptors_[static_cast<std::size_t>(one.fd)].owes_read = false;
    if (one.fd >= 0 && one.event.writable) descriptors_[static_cast<std::size_t>(one.fd)].owes_write = false;
    into[count++] = one.event;
  }
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

void Lens::shuffle(std::span<Event> events) noexcept {
  for (std::size_t left = events.size(); left > 1; --left)
    std::swap(events[left - 1], events[draws_.next() % left]);
}

// An event of the kernel is not held back if so many are already.
Waited Lens::wait(const Fd& poller, std::span<Event> into, int timeout_ms) noexcept {
  std::size_t count = deliver(into);
  bool all = false;
  if (count < into.size() && !draws_.percent(settings_.intr_percent)) {
    const std::span<Event> rest = into.subspan(count);
    const Waited now = raw::wait(poller, rest, count > 0 ? 0 : shortened(timeout_ms));
    const bool holds_back = settings_.delay_ms != 0 && held_.size() < kHeldMax;
    if (holds_back)
      for (const Event& event : rest.first(now.count)) hold(event, -1);
    count += holds_back ? deliver(rest) : now.count;
    all = now.all && held_.empty();
  }
  if (settings_.shuffle) shuffle(into.first(count));
  return {count, all};
}

// ---- transfers -------------------------------------------------------------------------------------------

// As a RST of the peer, which gets one in its turn.
void Lens::break_connection(const Fd& socket, Descriptor& descriptor) noexcept {
  descriptor.broken = true;
  reset_on_close(socket);
  hold({.token = descriptor.token,
        .readable = true,
        .writable = true,
        .finished = true,
        .hung = true,
        .forced = true},
       -1);
}

// After a RST, Linux still returns the bytes that came before it, and then the end of stream. If the peer's
// FIN came before it too, and was reported, this end is true: no byte may be missing.
template <class Raw>
Lens::Seen<Io> Lens::after_reset(Descriptor& descriptor, Way way, std::size_t wanted, Raw raw) noexcept {
  if (way == Way::write) return {forced_failure(EPIPE), true};
  if (descriptor.ended) return {kEnd, true};
  const Io io = raw(wanted);
  if (io.outcome == Outcome::done) return {io};
  descriptor.ended = true;
  return {kEnd, io.outcome != Outcome::eof};
}

// A read of one byte is a probe of an idle connection: it gets the kernel's answer, as what lies in the
// kernel was reported. So does a write during the handshake: the edge after an EAGAIN of the lens would say
// that the connection is established. `raw` is called with the number of bytes.
template <class Raw>
Lens::Seen<Io> Lens::transfer(const Fd& socket, Way way, std::size_t wanted, Raw raw) noexcept {
  Descriptor* const one = find(socket.get());
  if (one == nullptr || !one->stream || !one->watched) return {raw(wanted)};
  if (one->broken) return after_reset(*one, way, wanted, raw);
  if (wanted == 1 && way == Way::read) return {raw(wanted)};
  if (way == Way::write && is_connecting(socket, *one)) return {raw(wanted)};
  const bool interrupted = one->draws.percent(settings_.intr_percent);
  if (one->draws.percent(settings_.reset_percent)) {
    break_connection(socket, *one);
    one->ended = way == Way::read;  // recv(2) fails only when no received byte is left
    return {forced_failure(ECONNRESET), true, interrupted};
  }
  if (one->draws.percent(settings_.again_percent)) {
    owe(socket.get(), *one, way);
    return {kAgain, true, interrupted};
  }
  const std::size_t most = limited(wanted, way == Way::read ? settings_.read_max : settings_.write_max);
  const Io io = raw(most);
  const bool forced = most < wanted && io.outcome == Outcome::done && io.bytes == most;
  if (forced) owe(socket.get(), *one, way);
  return {io, forced, interrupted};
}

Lens::Seen<Io> Lens::receive(const Fd& socket, std::span<std::byte> into) noexcept {
  return transfer(socket, Way::read, into.size(),
                  [&](std::size_t most) { return raw::receive(socket, into.first(most)); });
}

Lens::Seen<Io> Lens::transmit(const Fd& socket, std::span<const std::byte> from) noexcept {
  return transfer(socket, Way::write, from.size(),
                  [&](std::size_t most) { return raw::transmit(socket, from.first(most)); });
}

Lens::Seen<Io> Lens::splice_in(const Fd& socket, const Fd& in, std::size_t most) noexcept {
  return transfer(socket, Way::read, most,
                  [&](std::size_t limit) { return raw::splice_in(socket, in, limit); });
}

Lens::Seen<Io> Lens::splice_out(const Fd& out, const Fd& socket, std::size_t bytes) noexcept {
  return transfer(socket, Way::write, bytes,
                  [&](std::size_t limit) { return raw::splice_out(out, socket, limit); });
}

Lens::Seen<Io> Lens::send_file(const Fd& socket, int file, std::uint64_t& offset,
                               std::size_t bytes) noexcept {
  return transfer(socket, Way::write, bytes,
                  [&](std::size_t limit) { return raw::send_file(socket, file, offset, limit); });
}

// ---- new connections -------------------------------------------------------------------------------------

template <class Raw>
Lens::Seen<Opened> Lens::open(bool connecting, Raw raw) noexcept {
  if (out_of_descriptors()) return {Opened{Fd{}, EMFILE}, true};
  Opened made = raw();
  if (made.fd) add_stream(made.fd, connecting);
  return {std::move(made)};
}

// No EAGAIN is made up: before a listener is closed, the program accepts until the kernel says so.
Lens::Seen<Opened> Lens::accept(const Fd& listener, Address& peer) noexcept {
  return open(false, [&] { return raw::accept(listener, peer); });
}

Lens::Seen<Opened> Lens::connect(const Address& address) noexcept {
  return open(true, [&] { return raw::connect(address); });
}

Lens::Seen<Opened> Lens::connect_local(const char* path) noexcept {
  return open(true, [&] { return raw::connect_local(path); });
}

}  // namespace sys
