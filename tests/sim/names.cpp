// DNS answers from the current world.
#include "../../src/net/name_source.hpp"
#include "../../src/net/endpoint.hpp"
#include "kernel.hpp"

namespace net {

struct NameSource::Work {
  sys::Fd fd;  // readable when there are answers, like a name server's socket
};

NameSource::NameSource(const sys::Fd& poller) : work_(std::make_unique<Work>()) {
  work_->fd.reset(sim::World::current().open_names());
  const Token token{0, static_cast<std::uint32_t>(work_->fd.get()), Token::Kind::resolver};
  while (sys::watch(poller, work_->fd.get(), token.packed()) != 0) {
  }  // c-ares is not under test: nothing fails here permanently
}
NameSource::~NameSource() = default;

void NameSource::ask(const std::string& host) { sim::World::current().asked.push_back(host); }

bool NameSource::next(Found& out) {
  auto& answered = sim::World::current().answered;
  if (answered.empty()) return false;
  out = answered.front();
  answered.pop_front();
  return true;
}

void NameSource::process(int /*fd*/, const sys::Event& /*event*/) {}
int NameSource::timeout_ms() { return sim::World::current().answered.empty() ? -1 : 0; }
std::string_view NameSource::description() { return "a test"; }

}  // namespace net
