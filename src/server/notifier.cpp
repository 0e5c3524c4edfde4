#include "notifier.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace server {
namespace {

// Half of the time that is allowed, as sd_watchdog_enabled(3) recommends; at least a millisecond.
std::uint64_t interval_us(const sys::ServiceManager& manager) noexcept {
  return std::max<std::uint64_t>(manager.watchdog_us / 2, 1000);
}

}  // namespace

Notifier::Notifier(sys::ServiceManager manager) : manager_(std::move(manager)) {
  if (!manager_.notify_socket.empty()) socket_ = sys::open_notifications().fd;
}

void Notifier::send(std::string_view text) {
  if (socket_) sys::notify(socket_, manager_.notify_socket, text);
}

void Notifier::ready(std::string_view status, std::uint64_t now_us) {
  send("READY=1\nSTATUS=" + std::string{status});
  if (socket_ && manager_.watchdog_us != 0) due_us_ = now_us + interval_us(manager_);
}

// systemd before version 253 ignores MONOTONIC_USEC.
void Notifier::reloading(std::uint64_t now_us) {
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us));
}

void Notifier::stopping() {
  if (!std::exchange(stopping_, true)) send("STOPPING=1\nSTATUS=stopping");
}

void Notifier::set_main(std::uint32_t process) { send("MAINPID=" + std::to_string(process)); }

void Notifier::say(std::string_view status) { send("STATUS=" + std::string{status}); }

void Notifier::poll(std::uint64_t now_us) {
  if (due_us_ == 0 || now_us < due_us_) return;
  due_us_ = now_us + interval_us(manager_);
  send("WATCHDOG=1");
}

}  // namespace server
