// When the server stops: at once (SIGINT, or a second SIGTERM), or after a graceful shutdown (SIGTERM), in
// which it accepts no connections and finishes the requests in flight.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace server {

class Shutdown {
 public:
  void stop() noexcept { stopping_ = true; }
  // The first request asks for a graceful shutdown; the second stops at once.
  void request() noexcept;
  // A graceful shutdown was requested and has not begun.
  [[nodiscard]] bool requested() const noexcept { return requested_ && deadline_ == 0; }
  // Begins it; it lasts at most `timeout_ms`. With 0, stops at once and returns false.
  bool begin(std::uint64_t now, std::uint32_t timeout_ms) noexcept;
  [[nodiscard]] bool begun() const noexcept { return deadline_ != 0; }
  // Stops when no record is in use or the deadline has passed. Returns a message to print, once, if requests
  // are in flight; else an empty string. REQUIRES: begun.
  std::string poll(std::uint64_t now, std::size_t records_used, std::size_t in_flight);

  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  // ms; 0: none.
  [[nodiscard]] std::uint64_t deadline() const noexcept { return deadline_; }

 private:
  bool requested_ = false, reported_ = false, stopping_ = false;
  std::uint32_t timeout_ms_ = 0;
  std::uint64_t deadline_ = 0;
};

}  // namespace server
