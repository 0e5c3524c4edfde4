#include "acceptor.hpp"

#include <array>
#include <cerrno>

namespace net {
namespace {

sys::Fd any_descriptor() noexcept { return sys::open_log("/dev/null").fd; }

// The connection failed before we took it, or a firewall forbade it (accept(2)): the next one may be well.
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
    : fd_(std::move(fd)), spare_(any_descriptor()), address_(address) {}

sys::Fd Acceptor::accept(sys::Address& peer, std::uint64_t now, std::string_view refusal) noexcept {
  if (!spare_) spare_ = any_descriptor();
  sys::Opened client = sys::accept(fd_, peer);
  if (client.fd) return std::move(client.fd);
  if (client.error == EAGAIN)
    readable_ = false;
  else if (client.error == EMFILE)
    turn_away(refusal, now);  // PLANT(listener-out-of-descriptors)
  else if (!concerns_one_client(client.error))
    pause_until_ = now + kPauseMs;
  return {};
}

void Acceptor::turn_away(std::string_view refusal, std::uint64_t now) noexcept {
  spare_.reset();
  refuse_one(refusal, now);
  spare_ = any_descriptor();  // before anybody else takes it, another listener of a new configuration, say
}

void Acceptor::refuse_one(std::string_view refusal, std::uint64_t now) noexcept {
  sys::Address ignored;
  const sys::Opened client = sys::accept(fd_, ignored);
  if (!client.fd) {
    readable_ = client.error != EAGAIN;
    pause_until_ = now + kPauseMs;
    return;
  }
  // What it has sent is read, as far as it is here: closing over unread bytes would destroy our answer on its
  // way.
  std::array<std::byte, 4096> unread;
  while (sys::receive(client.fd, unread).outcome == sys::Outcome::done) {
  }
  if (!refusal.empty()) sys::transmit(client.fd, std::as_bytes(std::span{refusal}));
  sys::shutdown_write(client.fd);
}

}  // namespace net
