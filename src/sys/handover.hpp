// Unix sockets over which a process passes descriptors to its successor (unix(7)). Each message is whole
// (SOCK_SEQPACKET).
#pragma once
#include "sys.hpp"

namespace sys {

inline constexpr std::size_t kDescriptorsMax = 253;  // in one message (SCM_MAX_FD)
inline constexpr std::size_t kPacketMax = std::size_t{32} * 1024;

// Opens a listening socket at `path`, which only this user may connect to (mode 0600). EADDRINUSE: a file is
// there; ENAMETOOLONG: a path has at most 107 bytes.
Opened listen_packets(const char* path) noexcept;
// Connects to one. ENOENT and ECONNREFUSED: no process listens there.
Opened connect_packets(const char* path) noexcept;
// Accepts a connection. EAGAIN: none is waiting.
Opened accept_packets(const Fd& listener) noexcept;
// The process at the other end of a connection (SO_PEERCRED); of a listener, as it was at its listen(2).
struct Peer {
  std::uint32_t process = 0, user = 0;
};
// Returns 0 or errno.
int peer_of(const Fd& connection, Peer& out) noexcept;
// geteuid(2).
std::uint32_t effective_user() noexcept;
// Removes the socket at `path` if it is one and belongs to this user. Returns 0 or errno; EEXIST: it is
// something else.
int remove_socket(const char* path) noexcept;
// Which file stands at a path, whatever its name; zeros: none.
struct FileId {
  std::uint64_t device = 0, inode = 0;
  bool operator==(const FileId&) const = default;
};
FileId file_id(const char* path) noexcept;
// Removes the file at `path` if it is `known`. Returns 0 or errno; EEXIST: it is another one.
int remove_known(const char* path, const FileId& known) noexcept;

// Sends a message with descriptors (SCM_RIGHTS), which stay open here. REQUIRES: the limits above.
Io send_packet(const Fd& socket, std::string_view text, std::span<const int> descriptors = {}) noexcept;
// Receives a message; its descriptors are close-on-exec. `fail` with EBADMSG: it exceeds the limits above.
Io receive_packet(const Fd& socket, std::string& text, std::vector<Fd>& descriptors);
// poll(2): waits until the socket is readable, at most `timeout_ms`. Returns false after that. For the start
// of the program only.
bool wait_readable(const Fd& socket, int timeout_ms) noexcept;

}  // namespace sys
