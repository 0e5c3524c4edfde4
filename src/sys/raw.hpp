// The system calls that call_trace.cpp passes on, as the kernel does them. See sys.hpp.
#pragma once
#include "sys.hpp"

namespace sys::raw {

void close_fd(int fd) noexcept;
Io receive(const Fd& socket, std::span<std::byte> into) noexcept;
Io transmit(const Fd& socket, std::span<const std::byte> from) noexcept;
Io splice_in(const Fd& socket, const Fd& in, std::size_t most) noexcept;
Io splice_out(const Fd& out, const Fd& socket, std::size_t bytes) noexcept;
Io send_file(const Fd& socket, int file, std::uint64_t& offset, std::size_t bytes) noexcept;
Opened accept(const Fd& listener, Address& peer) noexcept;
Opened connect(const Address& address) noexcept;
Opened connect_local(const char* path) noexcept;
Opened connect_datagrams(const Address& address) noexcept;
int socket_error(const Fd& socket) noexcept;
void shutdown_write(const Fd& socket) noexcept;
int watch(const Fd& poller, int fd, std::uint64_t token) noexcept;
int rearm(const Fd& poller, int fd, std::uint64_t token) noexcept;
Waited wait(const Fd& poller, std::span<Event> into, int timeout_ms) noexcept;
void levels(std::span<Level> of) noexcept;

}  // namespace sys::raw
