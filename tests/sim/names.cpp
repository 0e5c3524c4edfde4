// DNS answers from the current world.
#include <utility>

#include "../../src/net/endpoint.hpp"
#include "../../src/net/name_source.hpp"
#include "kernel.hpp"

namespace net {

struct NameSource::Work {
  sys::Fd fd;  // readable when there are answers, like a name server's socket
};

NameSource::NameSource(const sys::Fd& poller) : work_(std::make_unique<Work>()) {
  work_->fd = sys::Fd{sim::World::current().open_names()};
  const Token token{0, static_cast<std::uint32_t>(work_->fd.get()), Token::Kind::resolver};
  while (sys::watch(poller, work_->fd.get(), token.packed()) != 0) {
  }  // DNS is not under test: nothing fails here permanently
}
NameSource::~NameSource() = default;

void NameSource::use(std::vector<sys::Address> /*servers*/) {}
bool NameSource::refresh(std::uint64_t /*now*/) {
  return std::exchange(sim::World::current().names_changed, false);
}

void NameSource::ask(const std::string& host, std::uint64_t /*now*/) {
  sim::World::current().asked.push_back(host);
}
void NameSource::cancel(const std::string& host) {
  std::erase(sim::World::current().asked, host);
  std::erase_if(sim::World::current().answered, [&host](const Found& found) { return found.host == host; });
}
void NameSource::run(std::uint64_t /*now*/) {}

bool NameSource::next(Found& out) {
  auto& answered = sim::World::current().answered;
  if (answered.empty()) return false;
  sim::World::current().charge(sim::World::Price::kDnsMessage);
  out = answered.front();
  answered.pop_front();
  return true;
}

void NameSource::mark(const Token& /*token*/) {}
std::size_t NameSource::descriptors() const noexcept { return 1; }
int NameSource::timeout_ms(std::uint64_t /*now*/) const {
  return sim::World::current().answered.empty() ? -1 : 0;
}

}  // namespace net
