// Passes the listening sockets to a new process (--takeover): the side of the running process. The protocol
// is in predecessor.hpp.
#pragma once
#include "../net/acceptors.hpp"
#include "predecessor.hpp"

namespace server {

// The message that what is at `path` cannot be the socket of --takeover.
std::string no_socket(const std::string& path);

class Handover {
 public:
  // REQUIRES: `poller` outlives this.
  explicit Handover(const sys::Fd& poller) noexcept : poller_(poller) {}
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;
  ~Handover() { close(); }

  // Waits for successors at the Unix socket `path`: that of the predecessor, which still has it, or a new one
  // if there is none. Returns an error message; empty: success.
  std::string open(const std::string& path, sys::Fd of_predecessor);
  // Sets the mark of an event.
  void mark() noexcept { marked_ = true; }
  [[nodiscard]] bool marked() const noexcept { return marked_; }

  struct Result {
    std::vector<std::string> messages;  // to print
    std::uint32_t successor = 0;        // the process that can serve now and waits for `confirm`; 0: none
  };
  // Answers the successor. REQUIRES: `open` has succeeded.
  Result run(const net::Acceptors& acceptors);
  // Tells the successor of `run` that it alone serves from now on, and leaves the socket to it. Returns false
  // if it has ended meanwhile: this process serves on.
  bool confirm();
  // The predecessor has left its socket to this process.
  void own() noexcept { owns_ = true; }
  // Closes the socket. Removes it if it is this process's and no successor is starting, which serves then.
  void close() noexcept;

  [[nodiscard]] std::size_t descriptors() const noexcept {
    return std::size_t{listener_.open()} + std::size_t{successor_.open()};
  }

 private:
  void accept(const net::Acceptors& acceptors, Result& result);
  std::string give(const net::Acceptors& acceptors);
  void read_successor(Result& result);
  void lose_successor(Result& result);

  const sys::Fd& poller_;
  std::string path_;
  sys::FileId socket_;  // at `path_`: its owner is root if this process became another user
  sys::Fd listener_;
  sys::Fd successor_;  // none: no process is starting
  sys::Peer peer_;     // of it
  bool marked_ = false;
  bool owns_ = false;  // no other process has the listening socket
};

}  // namespace server
