#include "call_trace.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "lens.hpp"
#include "raw.hpp"

namespace sys {
namespace {

constexpr std::array<std::string_view, kCalls> kNames{
    "accept4", "connect", "close", "recv", "send", "splice", "splice", "sendfile", "getsockopt SO_ERROR",
    "shutdown"};

base::Trace* noted = nullptr;
Lens* lens = nullptr;

// A template, so that most of the entry is constant. `forced`: by the lens. A call moves at most 1 MiB.
template <Call call, bool forced = false>
[[gnu::always_inline]] inline void note(int fd, std::size_t value, int error) noexcept {
  if (noted == nullptr) return;
  noted->add({.id = static_cast<std::uint32_t>(fd),
              .slot = noted->slot,
              .value = static_cast<std::int32_t>(value),
              .event = base::TraceEvent::called,
              .state = static_cast<std::uint8_t>(noted->state & 15U),
              .before = static_cast<std::uint8_t>(noted->state & 15U),
              .detail = static_cast<std::uint8_t>(call),
              .error = static_cast<std::uint8_t>(base::traced_error(error) & 127U),
              .forced = forced});
}

// What the ledger has to know of a transfer that ended otherwise than by bytes or EAGAIN.
void enter_end(int fd, bool reads, const Io& io) noexcept {
  if (io.outcome == Outcome::eof && reads) descriptors().ended(fd);
  if (io.outcome == Outcome::fail) descriptors().has_no_end(fd);
  if (io.error == EBADF) descriptors().not_open(fd);
}

template <Call call, bool forced = false>
Io noting(int fd, const Io& io) noexcept {
  note<call, forced>(fd, io.bytes, io.outcome == Outcome::again ? EAGAIN : io.error);
  if (io.outcome == Outcome::eof || io.outcome == Outcome::fail)
    enter_end(fd, call == Call::receive || call == Call::splice_in, io);
  return io;
}

template <Call call>
Io noting(int fd, const Lens::Seen<Io>& io) noexcept {
  if (io.interrupted) note<call, true>(fd, 0, EINTR);
  return io.forced ? noting<call, true>(fd, io.result) : noting<call>(fd, io.result);
}

template <bool forced = false>
Opened connecting(Opened socket) noexcept {
  note<Call::connect, forced>(socket.fd.get(), 0, socket.error);
  return socket;
}

Opened connecting(Lens::Seen<Opened> socket) noexcept {
  return socket.forced ? connecting<true>(std::move(socket.result)) : connecting(std::move(socket.result));
}

template <bool forced = false>
Opened accepting(const Fd& listener, Opened client) noexcept {
  const auto descriptor = static_cast<std::size_t>(std::max(client.fd.get(), 0));
  note<Call::accept, forced>(listener.get(), descriptor, client.error);
  return client;
}

}  // namespace

std::string_view name(Call call) noexcept { return kNames[static_cast<std::size_t>(call)]; }

void trace_calls(base::Trace* trace) noexcept { noted = trace; }

void use_lens(Lens* chosen) noexcept { lens = chosen; }

bool held_by_lens(int fd) noexcept { return lens != nullptr && lens->holds(fd); }

// ---- sys.hpp ---------------------------------------------------------------------------------------------

void close_fd(int fd) noexcept {
  note<Call::close>(fd, 0, 0);
  descriptors().closed(fd);
  if (lens != nullptr) [[unlikely]]
    lens->closed(fd);
  raw::close_fd(fd);
}

Io receive(const Fd& socket, std::span<std::byte> into) noexcept {
  if (lens != nullptr) [[unlikely]]
    return noting<Call::receive>(socket.get(), lens->receive(socket, into));
  return noting<Call::receive>(socket.get(), raw::receive(socket, into));
}

Io transmit(const Fd& socket, std::span<const std::byte> from) noexcept {
  if (lens != nullptr) [[unlikely]]
    return noting<Call::transmit>(socket.get(), lens->transmit(socket, from));
  return noting<Call::transmit>(socket.get(), raw::transmit(socket, from));
}

Io splice_in(const Fd& socket, const Fd& in, std::size_t most) noexcept {
  if (lens != nullptr) [[unlikely]]
    return noting<Call::splice_in>(socket.get(), lens->splice_in(socket, in, most));
  return noting<Call::splice_in>(socket.get(), raw::splice_in(socket, in, most));
}

Io splice_out(const Fd& out, const Fd& socket, std::size_t bytes) noexcept {
  if (lens != nullptr) [[unlikely]]
    return noting<Call::splice_out>(socket.get(), lens->splice_out(out, socket, bytes));
  return noting<Call::splice_out>(socket.get(), raw::splice_out(out, socket, bytes));
}

Io send_file(const Fd& socket, int file, std::uint64_t& offset, std::size_t bytes) noexcept {
  if (lens != nullptr) [[unlikely]]
    return noting<Call::send_file>(socket.get(), lens->send_file(socket, file, offset, bytes));
  return noting<Call::send_file>(socket.get(), raw::send_file(socket, file, offset, bytes));
}

Opened accept(const Fd& listener, Address& peer) noexcept {
  if (lens == nullptr) [[likely]]
    return accepting(listener, raw::accept(listener, peer));
  Lens::Seen<Opened> client = lens->accept(listener, peer);
  return client.forced ? accepting<true>(listener, std::move(client.result))
                       : accepting(listener, std::move(client.result));
}

Opened connect(const Address& address) noexcept {
  if (lens != nullptr) [[unlikely]]
    return connecting(lens->connect(address));
  return connecting(raw::connect(address));
}

Opened connect_local(const char* path) noexcept {
  if (lens != nullptr) [[unlikely]]
    return connecting(lens->connect_local(path));
  return connecting(raw::connect_local(path));
}

Opened connect_datagrams(const Address& address) noexcept {
  Opened socket = raw::connect_datagrams(address);
  if (socket.fd) descriptors().has_no_end(socket.fd.get());  // an empty datagram does not end it
  return socket;
}

int socket_error(const Fd& socket) noexcept {
  const int error = raw::socket_error(socket);
  note<Call::socket_error>(socket.get(), static_cast<std::size_t>(error), 0);
  return error;
}

void shutdown_write(const Fd& socket) noexcept {
  note<Call::shutdown_write>(socket.get(), 0, 0);
  raw::shutdown_write(socket);
}

int watch(const Fd& poller, int fd, std::uint64_t token) noexcept {
  const int error = raw::watch(poller, fd, token);
  if (lens != nullptr && error == 0) [[unlikely]]
    lens->watched(fd, token);
  return error;
}

int rearm(const Fd& poller, int fd, std::uint64_t token) noexcept {
  const int error = raw::rearm(poller, fd, token);
  if (lens != nullptr && error == 0) [[unlikely]]
    lens->watched(fd, token);
  return error;
}

Waited wait(const Fd& poller, std::span<Event> into, int timeout_ms) noexcept {
  if (lens != nullptr) [[unlikely]]
    return lens->wait(poller, into, timeout_ms);
  return raw::wait(poller, into, timeout_ms);
}

// What the lens holds back is not ready yet: else it would look like a lost edge.
void levels(std::span<Level> of) noexcept {
  raw::levels(of);
  if (lens == nullptr) [[likely]]
    return;
  for (Level& level : of)
    if (lens->holds(level.fd)) level.readable = level.writable = false;
}

}  // namespace sys
