// Reports the state of the server to the service manager that has started it (sd_notify(3)). Nothing here
// waits, and an error has no effect on serving.
#pragma once
#include "../sys/service.hpp"

namespace server {

class Notifier {
 public:
  // Opens the socket for the reports, if the service manager wants them.
  explicit Notifier(sys::ServiceManager manager);

  // The server accepts connections: READY=1 and a line of status. Starts the watchdog. All times are
  // monotonic, in microseconds.
  void ready(std::string_view status, std::uint64_t now_us);
  // A reload begins: RELOADING=1. `ready` ends it, also after an error.
  void reloading(std::uint64_t now_us);
  // The shutdown begins: STOPPING=1, the first time only.
  void stopping();
  // MAINPID=: this process is the service from now on. Without a report of its own it stays the service.
  void set_main(std::uint32_t process);
  // Reports nothing any more: another process does.
  void retire() noexcept { socket_.reset(), due_us_ = 0; }
  // STATUS=: a line for people.
  void say(std::string_view status);
  // Feeds the watchdog if that is due. Call it at the end of each turn: a loop that blocks, or runs without
  // the end of a turn, does not feed it.
  void poll(std::uint64_t now_us);
  // When `poll` is due, monotonic ms; 0: never.
  [[nodiscard]] std::uint64_t next_deadline() const noexcept { return (due_us_ + 999) / 1000; }
  [[nodiscard]] std::size_t descriptors() const noexcept { return socket_.open() ? 1 : 0; }

 private:
  void send(std::string_view text);

  sys::ServiceManager manager_;
  sys::Fd socket_;            // none: reports are not wanted
  std::uint64_t due_us_ = 0;  // of the next sign of life; 0: none
  bool stopping_ = false;
};

}  // namespace server
