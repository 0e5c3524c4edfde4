#include "dns_client.hpp"

#include <algorithm>
#include <limits>

#include "resolv_conf.hpp"

namespace net {
namespace {

constexpr std::size_t kResolvConfMax = std::size_t{64} * 1024;

// RFC 6724 section 5, rules 1 and 5: an IPv6 address is of use if the system has a route to it, from an
// address of the same kind (not from a private or link-local one to a public one).
bool is_usable(sys::Address address) noexcept {
  address.port = kDnsPort;  // any; nothing is sent
  const sys::Opened opened = sys::connect_datagrams(address);
  const auto is_private = [](const sys::Address& a) {
    return (a.bytes[0] & 0xfe) == 0xfc || (a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0x80);
  };
  return opened.fd && (is_private(address) || !is_private(sys::local_address(opened.fd)));
}

// The family that the system can use comes first: IPv6, if the first such address is usable. The order is
// kept otherwise.
std::vector<sys::Address> usable_first(std::vector<sys::Address> all) {
  const auto is_ipv6 = [](const sys::Address& a) { return a.family == sys::Address::Family::ipv6; };
  const auto six = std::find_if(all.begin(), all.end(), is_ipv6);
  if (six == all.end() || std::all_of(all.begin(), all.end(), is_ipv6)) return all;
  const bool ipv6_first = is_usable(*six);
  std::stable_partition(all.begin(), all.end(),
                        [&](const sys::Address& a) { return is_ipv6(a) == ipv6_first; });
  return all;
}

Found result(Found::What what, const std::string& host) {
  return {.what = what, .host = host, .addresses = {}, .ttl_ms = 0};
}

}  // namespace

DnsClient::DnsClient(const sys::Fd& poller, DnsFiles files)
    : poller_(poller), files_(std::move(files)), hosts_(files_.hosts) {}

void DnsClient::use(std::vector<sys::Address> servers) {
  configured_servers_ = std::move(servers);
  refreshed_ = false;
}

bool DnsClient::refresh(std::uint64_t now) {
  if (refreshed_ && now - refreshed_at_ < kRefreshMs) return false;
  refreshed_ = true;
  refreshed_at_ = now;
  const bool hosts_changed = hosts_.refresh();
  std::vector<sys::Address> servers = configured_servers_;
  if (servers.empty()) {
    std::string text;
    // Without the file, the default of resolv.conf(5) applies.
    if (sys::read_file(files_.resolv_conf.c_str(), kResolvConfMax, text) != 0) text.clear();
    servers = name_servers(text);
  }
  const bool servers_changed = set_servers(std::move(servers), now);
  return hosts_changed || servers_changed;
}

bool DnsClient::set_servers(std::vector<sys::Address> servers, std::uint64_t now) {
  if (servers_ != nullptr && *servers_ == servers) return false;
  servers_ = preferred_ = std::make_shared<const std::vector<sys::Address>>(std::move(servers));
  for (std::unique_ptr<DnsQuery>& query : queries_)
    query = std::make_unique<DnsQuery>(query->host(), servers_, poller_, query->token(), now);
  return true;
}

void DnsClient::ask(const std::string& host, std::uint64_t now) {
  refresh(now);
  if (hosts_.reading())
    waiting_.push_back(host);
  else
    start(host, now);
}

bool DnsClient::find_in_hosts(const std::string& host) {
  std::vector<sys::Address> all;
  hosts_.find(host, all);
  if (all.empty()) return false;
  done_.push_back(
      result(Found::What::found, host));  // TTL 0: the file is looked at again for the next request
  done_.back().addresses = Addresses::of(usable_first(std::move(all)));
  return true;
}

void DnsClient::start(const std::string& host, std::uint64_t now) {
  if (find_in_hosts(host)) return;
  std::array<std::byte, kDnsQueryMax> room;
  if (write_dns_query(host, DnsType::a, 0, room) == 0)
    return done_.push_back(result(Found::What::not_found, host));
  if (now >= preferred_until_) preferred_ = servers_;
  const Token token{++serial_, 0, Token::Kind::resolver};
  queries_.push_back(std::make_unique<DnsQuery>(host, preferred_, poller_, token, now));
}

void DnsClient::cancel(const std::string& host) noexcept {
  std::erase(waiting_, host);
  std::erase_if(queries_, [&host](const auto& query) { return query->host() == host; });
}

void DnsClient::mark(const Token& token) noexcept {
  for (const std::unique_ptr<DnsQuery>& query : queries_)
    if (query->token() == token) query->mark();
}

void DnsClient::finish(std::size_t index, std::uint64_t now) {
  const std::unique_ptr<DnsQuery> query = std::move(queries_[index]);
  queries_[index] = std::move(queries_.back());
  queries_.pop_back();
  if (const sys::Address* const server = query->answered_by(); server != nullptr) prefer(*server, now);
  done_.push_back(query->found());
  done_.back().addresses = Addresses::of(usable_first(done_.back().addresses.list()));
}

// That server has answered: if another one was asked first, asks this one first for a while.
void DnsClient::prefer(const sys::Address& server, std::uint64_t now) {
  if (preferred_->front() == server) return;
  std::vector<sys::Address> order = *preferred_;
  std::rotate(order.begin(), std::find(order.begin(), order.end(), server), order.end());
  preferred_ = std::make_shared<const std::vector<sys::Address>>(std::move(order));
  preferred_until_ = now + kPreferMs;
}

void DnsClient::run(std::uint64_t now) {
  if (!queries_.empty() || !waiting_.empty()) refresh(now);
  if (hosts_.reading()) hosts_.step();
  while (!hosts_.reading() && !waiting_.empty()) {
    const std::string host = std::move(waiting_.front());
    waiting_.pop_front();
    start(host, now);
  }
  for (std::size_t i = 0; i < queries_.size();) {
    queries_[i]->run(now);
    queries_[i]->done(now) ? finish(i, now) : static_cast<void>(++i);
  }
}

bool DnsClient::next(Found& out) {
  if (done_.empty()) return false;
  out = std::move(done_.front());
  done_.pop_front();
  return true;
}

std::uint64_t DnsClient::deadline() const noexcept {
  if (hosts_.reading() || !done_.empty()) return 0;
  std::uint64_t at = std::numeric_limits<std::uint64_t>::max();
  for (const std::unique_ptr<DnsQuery>& query : queries_) at = std::min(at, query->deadline());
  return at;
}

std::size_t DnsClient::descriptors() const noexcept {
  std::size_t count = hosts_.reading() ? 1 : 0;
  for (const auto& query : queries_) count += query->descriptors();
  return count;
}

}  // namespace net
