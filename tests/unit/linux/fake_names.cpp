#include "fake_names.hpp"

namespace fake {

Names& names() {
  static Names all;
  return all;
}

net::Found found(const std::vector<sys::Address>& addresses, std::uint64_t ttl_ms) {
  net::Found out{.what = net::Found::What::found, .host = {}, .addresses = {}, .ttl_ms = ttl_ms};
  for (const sys::Address& address : addresses) out.addresses.add(address);
  return out;
}

net::Found not_found(net::Found::What why) { return {.what = why, .host = {}, .addresses = {}, .ttl_ms = 0}; }

}  // namespace fake

namespace net {

struct NameSource::Work {};

NameSource::NameSource(const sys::Fd& /*poller*/) {}
NameSource::~NameSource() = default;

void NameSource::use(std::vector<sys::Address> /*servers*/) {}
bool NameSource::refresh(std::uint64_t /*now*/) { return false; }

void NameSource::ask(const std::string& host, std::uint64_t /*now*/) {
  fake::Names& names = fake::names();
  names.asked.push_back(host);
  if (const auto known = names.known.find(host); known != names.known.end())
    names.answer(host, known->second);
}

void NameSource::cancel(const std::string& host) { fake::names().cancelled.push_back(host); }
void NameSource::run(std::uint64_t /*now*/) {}

bool NameSource::next(Found& out) {
  std::deque<Found>& done = fake::names().done;
  if (done.empty()) return false;
  out = std::move(done.front());
  done.pop_front();
  return true;
}

void NameSource::mark(const Token& /*token*/) {}
std::size_t NameSource::descriptors() const noexcept { return 0; }
int NameSource::timeout_ms(std::uint64_t /*now*/) const { return -1; }

}  // namespace net
