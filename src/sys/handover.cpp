// Sockets that pass descriptors, on Linux.
#include "handover.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "calls.hpp"

namespace sys {
namespace {

using namespace calls;

Opened make_packet_socket() noexcept {
  return opened(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

constexpr std::size_t kControlBytes = CMSG_SPACE(kDescriptorsMax * sizeof(int));

// Takes the descriptors of a received message.
void take_descriptors(msghdr& message, std::vector<Fd>& out) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::array<int, kDescriptorsMax> numbers{};
    std::memcpy(numbers.data(), CMSG_DATA(part), count * sizeof(int));
    for (std::size_t i = 0; i < count; ++i) out.emplace_back(numbers[i]);
  }
}

}  // namespace

Opened listen_packets(const char* path) noexcept {
  constexpr int kBacklog = 8;
  sockaddr_un name;
  if (!to_kernel(path, name)) return failed(ENAMETOOLONG);
  Opened socket = make_packet_socket();
  if (!socket.fd) return socket;
  // The mode of the socket is that of the file that bind(2) makes, so it never has another one.
  if (::fchmod(socket.fd.get(), S_IRUSR | S_IWUSR) != 0) return failed(errno);
  if (::bind(socket.fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
      ::listen(socket.fd.get(), kBacklog) != 0)
    return failed(errno);
  return socket;
}

Opened connect_packets(const char* path) noexcept {
  sockaddr_un name;
  if (!to_kernel(path, name)) return failed(ENAMETOOLONG);
  Opened socket = make_packet_socket();
  if (!socket.fd) return socket;
  if (uninterrupted([&] {
        return ::connect(socket.fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
      }) != 0)
    return failed(errno);
  return socket;
}

Opened accept_packets(const Fd& listener) noexcept {
  return opened(uninterrupted(
      [&] { return ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); }));
}

int peer_of(const Fd& connection, Peer& out) noexcept {
  ucred found{};
  socklen_t length = sizeof found;
  if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &found, &length) != 0) return errno;
  out = {static_cast<std::uint32_t>(found.pid), found.uid};
  return 0;
}

std::uint32_t effective_user() noexcept { return ::geteuid(); }

int remove_socket(const char* path) noexcept {
  struct stat status {};
  if (::lstat(path, &status) != 0) return errno;
  if (!S_ISSOCK(status.st_mode) || status.st_uid != ::geteuid()) return EEXIST;
  return ::unlink(path) == 0 ? 0 : errno;
}

FileId file_id(const char* path) noexcept {
  struct stat status {};
  return ::lstat(path, &status) == 0 ? FileId{status.st_dev, status.st_ino} : FileId{};
}

int remove_known(const char* path, const FileId& known) noexcept {
  if (file_id(path) != known) return EEXIST;
  return ::unlink(path) == 0 ? 0 : errno;
}

Io send_packet(const Fd& socket, std::string_view text, std::span<const int> descriptors) noexcept {
  alignas(cmsghdr) std::array<std::byte, kControlBytes> control{};
  iovec bytes{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const std::size_t size = std::min(descriptors.size(), kDescriptorsMax) * sizeof(int);
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(part), descriptors.data(), size);
  }
  return io_result(uninterrupted([&] { return ::sendmsg(socket.get(), &message, MSG_NOSIGNAL); }));
}

Io receive_packet(const Fd& socket, std::string& text, std::vector<Fd>& descriptors) {
  alignas(cmsghdr) std::array<std::byte, kControlBytes> control{};
  text.resize(kPacketMax);
  iovec bytes{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const Io io = io_result(uninterrupted([&] { return ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC); }));
  text.resize(io.bytes);
  if (io.outcome != Outcome::done) return io;
  take_descriptors(message, descriptors);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return {Outcome::fail, EBADMSG, 0};
  return io;
}

bool wait_readable(const Fd& socket, int timeout_ms) noexcept {
  pollfd wanted{.fd = socket.get(), .events = POLLIN, .revents = 0};
  return uninterrupted([&] { return ::poll(&wanted, 1, timeout_ms); }) > 0;
}

}  // namespace sys
