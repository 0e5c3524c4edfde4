// Resolves names by getaddrinfo(3), which blocks the event loop, as the lab permits. The build with c-ares
// does not block.
#include <netdb.h>

#include <deque>

#include "name_source.hpp"

namespace net {
namespace {

constexpr std::uint64_t kTtlMs = 30'000;  // getaddrinfo(3) returns no TTL

Found::What kind_of(int error) noexcept {
  switch (error) {
    case EAI_NONAME:
    case EAI_NODATA: return Found::What::not_found;
    default: return Found::What::failed;
  }
}

}  // namespace

struct NameSource::Work {
  std::deque<Found> done;
};

NameSource::NameSource(const sys::Fd& /*poller*/) : work_(std::make_unique<Work>()) {}
NameSource::~NameSource() = default;

void NameSource::ask(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  Found found{.what = Found::What::found, .host = host, .addresses = {}, .ttl_ms = kTtlMs};
  if (error != 0) found.what = kind_of(error);
  for (const addrinfo* info = list; info != nullptr; info = info->ai_next)
    if (info->ai_family == AF_INET || info->ai_family == AF_INET6)
      found.addresses.add(sys::address_of(info->ai_addr));
  if (list != nullptr) ::freeaddrinfo(list);
  work_->done.push_back(std::move(found));
}

bool NameSource::next(Found& out) {
  if (work_->done.empty()) return false;
  out = std::move(work_->done.front());
  work_->done.pop_front();
  return true;
}

void NameSource::process(int /*fd*/, const sys::Event& /*event*/) {}
int NameSource::timeout_ms() { return -1; }
std::string_view NameSource::description() { return "getaddrinfo (blocking)"; }

}  // namespace net
