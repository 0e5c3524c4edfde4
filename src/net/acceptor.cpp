#include "acceptor.hpp"

#include <array>
#include <cerrno>

namespace net {
namespace {

sys::Fd any_descriptor() noexcept { return sys::open_log("/dev/null").fd; }

// True if the error concerns one connection only, which failed before accept(2) or is forbidden by a
// firewall.
bool concerns_one_client(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT: return true;
    default: return false;
  }
}

}  // namespace

Acceptor::Acceptor(sys::Fd fd, const sys::Address& address) noexcept
    : fd_(std::move(fd)), reserved_(any_descriptor()), address_(address) {}

sys::Fd Acceptor::accept(sys::Address& peer, std::uint64_t now, std::string_view refusal) noexcept {
  if (!reserved_) reserved_ = any_descriptor();
  sys::Opened client = sys::accept(fd_, peer);
  if (client.fd) return std::move(client.fd);
  if (client.error == EAGAIN)
    readable_ = false;
  else if (client.error == EMFILE)
    refuse(refusal, now);  // PLANT(listener-out-of-descriptors)
  else if (!concerns_one_client(client.error))
    pause_until_ = now + kPauseMs;
  return {};
}

void Acceptor::refuse(std::string_view refusal, std::uint64_t now) noexcept {
  reserved_.reset();
  refuse_one(refusal, now);
  reserved_ = any_descriptor();  // at once, before another acceptor takes the free descriptor
}

void Acceptor::refuse_one(std::string_view refusal, std::uint64_t now) noexcept {
  sys::Address ignored;
  const sys::Opened client = sys::accept(fd_, ignored);
  if (!client.fd) {
    readable_ = client.error != EAGAIN;
    pause_until_ = now + kPauseMs;
    return;
  }
  // Read what the client has sent: closing with unread bytes resets the connection and can destroy the
  // response.
  std::array<std::byte, 4096> unread;
  while (sys::receive(client.fd, unread).outcome == sys::Outcome::done) {
  }
  if (!refusal.empty()) sys::transmit(client.fd, std::as_bytes(std::span{refusal}));
  sys::shutdown_write(client.fd);
}

}  // namespace net
