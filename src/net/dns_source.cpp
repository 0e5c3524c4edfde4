// Names by DNS.
#include <algorithm>
#include <limits>

#include "dns_client.hpp"
#include "name_source.hpp"

namespace net {

struct NameSource::Work {
  DnsClient client;
};

NameSource::NameSource(const sys::Fd& poller) : work_(new Work{DnsClient{poller}}) {}
NameSource::~NameSource() = default;

void NameSource::use(std::vector<sys::Address> servers) { work_->client.use(std::move(servers)); }
bool NameSource::refresh(std::uint64_t now) { return work_->client.refresh(now); }
void NameSource::ask(const std::string& host, std::uint64_t now) { work_->client.ask(host, now); }
void NameSource::cancel(const std::string& host) { work_->client.cancel(host); }
void NameSource::run(std::uint64_t now) { work_->client.run(now); }
bool NameSource::next(Found& out) { return work_->client.next(out); }
void NameSource::mark(const Token& token) { work_->client.mark(token); }
std::size_t NameSource::descriptors() const noexcept { return work_->client.descriptors(); }

int NameSource::timeout_ms(std::uint64_t now) const {
  constexpr std::uint64_t kMostMs = 60'000;
  const std::uint64_t at = work_->client.deadline();
  if (at == std::numeric_limits<std::uint64_t>::max()) return -1;
  return at <= now ? 0 : static_cast<int>(std::min(at - now, kMostMs));
}

}  // namespace net
