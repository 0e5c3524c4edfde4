#include "acceptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "../base/erase.hpp"

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

sys::Fd Acceptor::accept(sys::Address& peer, std::uint64_t now, std::string_view refusal,
                         UpstreamPool& idle) noexcept {
  if (!reserved_) reserved_ = any_descriptor();
  sys::Opened client = sys::accept(fd_, peer);
  while (client.error == EMFILE && idle.close_oldest()) client = sys::accept(fd_, peer);
  if (client.fd) return std::move(client.fd);  // PLANT(accept-until-again)
  if (client.error == EAGAIN)
    readable_ = false;
  else if (client.error == EMFILE)
    refuse(refusal, now);  // PLANT(listener-out-of-descriptors)
  else if (!concerns_one_client(client.error))
    pause_until_ = now + kPauseMs;
  return {};
}

Refused refuse(sys::Fd client, std::string_view response, std::size_t most) noexcept {
  std::array<std::byte, 4096> unread;
  Refused moved{};
  while (moved.read < most) {
    const std::size_t room = std::min(unread.size(), most - moved.read);
    const sys::Io io = sys::receive(client, std::span{unread}.first(room));
    if (io.outcome != sys::Outcome::done) break;
    moved.read += io.bytes;
  }
  base::erase(std::span{unread});
  if (!response.empty()) {
    const sys::Io io = sys::transmit(client, std::as_bytes(std::span{response}));
    if (io.outcome == sys::Outcome::done) moved.sent = io.bytes;
  }
  sys::shutdown_write(client);
  return moved;
}

void Acceptor::refuse(std::string_view refusal, std::uint64_t now) noexcept {
  reserved_.reset();
  refuse_one(refusal, now);
  reserved_ = any_descriptor();  // at once, before another acceptor takes the free descriptor
}

void Acceptor::refuse_one(std::string_view refusal, std::uint64_t now) noexcept {
  sys::Address ignored;
  sys::Opened client = sys::accept(fd_, ignored);
  if (!client.fd) {
    readable_ = client.error != EAGAIN;
    pause_until_ = now + kPauseMs;
    return;
  }
  net::refuse(std::move(client.fd), refusal);
}

}  // namespace net
