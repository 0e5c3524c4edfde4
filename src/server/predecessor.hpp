// The running process, as its successor sees it: --takeover gets the listening sockets from it, and replaces
// it once this process can serve. The protocol:
//
//     running process -> new one    "proxy takeover 1", a line for each listener, and the descriptors: first
//                                   the Unix socket itself, then the listeners in the order of the lines
//     new process -> running one    "serving", when it is ready
//     running process -> new one    "yes": it has stopped accepting. "no": another process replaces it
//
// If either of them ends before, the other one serves on.
#pragma once
#include "../sys/handover.hpp"

namespace server {

// A listening socket of the running process.
struct HandedSocket {
  sys::Fd fd;
  sys::Address wanted;  // as its configuration requests it, with port 0 for a free port
};

// The messages.
inline constexpr std::string_view kServing = "serving", kYes = "yes", kRefused = "no";
// The message that describes these sockets.
std::string handover_text(const std::vector<sys::Address>& wanted);
// Reads it. Returns false if it is not such a message.
bool parse_handover(std::string_view text, std::vector<sys::Address>& wanted);
// True if a process of this user may take part: the same one, or root.
bool is_trusted(const sys::Peer& peer) noexcept;

class Predecessor {
 public:
  // Connects to the process that listens at `path` and receives its sockets: waits for them, at most
  // `timeout_ms`. Returns an error message; empty: success, also if there is no such process.
  std::string find(const std::string& path, int timeout_ms = kAnswerMs);
  // Tells it that this process serves, and waits until it has stopped accepting. Returns an error message,
  // and then it serves on; empty: success, also if it has ended or there was none.
  std::string replace(int timeout_ms = kAnswerMs);

  // True if there is no such process.
  [[nodiscard]] bool none() const noexcept { return !connection_; }
  // Each may be taken once.
  std::vector<HandedSocket> listeners;
  sys::Fd local;  // the Unix socket at which it listens; none: there is no such process

  static constexpr int kAnswerMs = 10'000;

 private:
  std::string take(std::string_view text, std::vector<sys::Fd> descriptors);
  [[nodiscard]] std::string failed(const std::string& why) const;

  std::string path_;
  sys::Fd connection_;  // none: there is no such process
};

}  // namespace server
