// Resolves names by c-ares without blocking: its sockets are watched by the program's epoll instance.
#include <ares.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <algorithm>
#include <deque>
#include <unordered_set>

#include "endpoint.hpp"
#include "name_source.hpp"

namespace net {
namespace {

constexpr int kTryMs = 2000;  // timeout before the next name server is tried
constexpr int kTries = 3;

Found::What kind_of(int status) noexcept {
  switch (status) {
    case ARES_SUCCESS: return Found::What::found;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_EBADNAME: return Found::What::not_found;
    case ARES_ETIMEOUT: return Found::What::timed_out;
    default: return Found::What::failed;
  }
}

Found found_from(int status, const ares_addrinfo* info, std::string host) {
  Found found{.what = kind_of(status), .host = std::move(host), .addresses = {}, .ttl_ms = ~std::uint64_t{0}};
  if (info == nullptr) return found;
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    found.addresses.add(sys::address_of(node->ai_addr));
    // The TTL of names in /etc/hosts is 0.
    found.ttl_ms = std::min(found.ttl_ms, static_cast<std::uint64_t>(std::max(0, node->ai_ttl)) * 1000);
  }
  if (found.what == Found::What::found && found.addresses.count == 0) found.what = Found::What::not_found;
  return found;
}

}  // namespace

struct NameSource::Work {
  explicit Work(const sys::Fd& into) : poller(into) {}

  // Called when c-ares opens a socket, changes the events it waits for, or is about to close it.
  static void on_socket_state(void* self, ares_socket_t fd, int readable, int writable) {
    Work& work = *static_cast<Work*>(self);
    if (readable == 0 && writable == 0) {
      work.watched.erase(fd);
      return;
    }
    const Token token{.serial = 0, .slot = static_cast<std::uint32_t>(fd), .kind = Token::Kind::resolver};
    if (work.watched.insert(fd).second)
      sys::watch(work.poller, fd, token.packed());
    else if (writable != 0)  // already writable, so no edge would follow: a second query by TCP
      sys::rearm(work.poller, fd, token.packed());
  }

  // A query in progress.
  struct Query {
    Work* work;
    std::string host;
  };
  static void on_response(void* argument, int status, int /*timeouts*/, ares_addrinfo* info) {
    const std::unique_ptr<Query> query{static_cast<Query*>(argument)};
    query->work->done.push_back(found_from(status, info, std::move(query->host)));
    ares_freeaddrinfo(info);
  }

  const sys::Fd& poller;
  ares_channel channel = nullptr;
  std::deque<Found> done;
  std::unordered_set<int> watched;
};

NameSource::NameSource(const sys::Fd& poller) : work_(std::make_unique<Work>(poller)) {
  ares_library_init(ARES_LIB_INIT_ALL);
  ares_options options{};
  options.timeout = kTryMs;
  options.tries = kTries;
  options.sock_state_cb = Work::on_socket_state;
  options.sock_state_cb_data = work_.get();
  const int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&work_->channel, &options, given) != ARES_SUCCESS) work_->channel = nullptr;
}

NameSource::~NameSource() {
  if (work_->channel != nullptr) ares_destroy(work_->channel);
  ares_library_cleanup();
}

void NameSource::ask(const std::string& host) {
  if (work_->channel == nullptr) {
    work_->done.push_back({.what = Found::What::failed, .host = host, .addresses = {}, .ttl_ms = 0});
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(work_->channel, host.c_str(), nullptr, &hints, Work::on_response,
                   new Work::Query{work_.get(), host});
}

bool NameSource::next(Found& out) {
  if (work_->done.empty() && timeout_ms() == 0)
    ares_process_fd(work_->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  if (work_->done.empty()) return false;
  out = std::move(work_->done.front());
  work_->done.pop_front();
  return true;
}

void NameSource::process(int fd, const sys::Event& event) {
  if (work_->channel == nullptr || !work_->watched.contains(fd)) return;
  ares_process_fd(work_->channel, event.readable ? fd : ARES_SOCKET_BAD,
                  event.writable ? fd : ARES_SOCKET_BAD);
  // c-ares may stop reading before EAGAIN: rearm, so that unread bytes are reported again.
  const Token token{.serial = 0, .slot = static_cast<std::uint32_t>(fd), .kind = Token::Kind::resolver};
  if (work_->watched.contains(fd) && event.readable) sys::rearm(work_->poller, fd, token.packed());
}

int NameSource::timeout_ms() {
  timeval wait{};
  if (work_->channel == nullptr || ares_timeout(work_->channel, nullptr, &wait) == nullptr) return -1;
  return static_cast<int>(wait.tv_sec * 1000 + (wait.tv_usec + 999) / 1000);
}

std::string_view NameSource::description() {
  static const std::string text = std::string{"c-ares "} + ares_version(nullptr);
  return text;
}

}  // namespace net
