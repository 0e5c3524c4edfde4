#include "dns_query.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace net {
namespace {

constexpr std::size_t kDatagramMax = 4096;    // responses without EDNS have at most 512 bytes (RFC 1035)
constexpr std::size_t kDatagramsInTurn = 16;  // read from one socket
constexpr std::size_t kStreamBytesInTurn = std::size_t{64} * 1024;
constexpr std::size_t kLengthBytes = 2;  // before a message by TCP (RFC 1035 section 4.2.2)

std::uint16_t random_id() noexcept {
  std::uint16_t id = 0;
  sys::random_bytes(std::as_writable_bytes(std::span{&id, 1}));
  return id;
}

bool is_shortage(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == ENOSPC;
}

}  // namespace

DnsQuery::DnsQuery(std::string host, NameServers servers, const sys::Fd& poller, Token token,
                   std::uint64_t now)
    : host_(std::move(host)), servers_(std::move(servers)), poller_(poller), token_(token) {
  for (Question& question : questions_) ask(question, now);
}

// Asks the next server that has not failed. In each round over all servers the time until the next attempt
// doubles. A server that is asked again gets the same datagram, so that a late response to any of them
// counts. Of several servers the two newest that have not failed may answer.
void DnsQuery::ask(Question& question, std::uint64_t now) {
  while (question.state == State::asking) {
    const std::size_t server = question.next % servers_->size();
    const std::size_t round = std::min<std::size_t>(question.next / servers_->size(), 5);
    ++question.next;
    question.next_at = now + (kRetryMs << round);
    if ((question.failed >> server & 1U) != 0) continue;
    const auto waits = [server](const Attempt& attempt) {
      return attempt.fd && !attempt.by_tcp && attempt.server == server;
    };
    const auto asked = std::find_if(question.attempts.begin(), question.attempts.end(), waits);
    const bool again = asked != question.attempts.end();
    if (again)
      question.newest = static_cast<std::size_t>(asked - question.attempts.begin());
    else if (question.attempts[question.newest].fd)
      question.newest = (question.newest + 1) % question.attempts.size();
    Attempt& attempt = question.attempts[question.newest];
    if (!(again ? transmit(question, attempt) : send(question, attempt, server, now)))
      fail(question, attempt, now);
    return;
  }
}

// Returns false if that server cannot be reached. Without a descriptor nothing was asked: the same attempt is
// due again after kRetryMs, without the waits that double for a server that is silent.
bool DnsQuery::send(Question& question, Attempt& attempt, std::size_t server, std::uint64_t now) {
  attempt =
      Attempt{.fd = {}, .server = server, .id = random_id(), .by_tcp = question.by_tcp, .out = {}, .in = {}};
  sys::Opened opened =
      attempt.by_tcp ? sys::connect((*servers_)[server]) : sys::connect_datagrams((*servers_)[server]);
  if (opened.fd) opened.error = sys::watch(poller_, opened.fd.get(), token_.packed());
  if (is_shortage(opened.error)) {
    --question.next;
    question.next_at = now + kRetryMs;
    return true;
  }
  if (opened.error != 0) return false;
  attempt.fd = std::move(opened.fd);
  return transmit(question, attempt);
}

// Returns false if the server cannot be reached.
bool DnsQuery::transmit(const Question& question, Attempt& attempt) {
  std::array<std::byte, kDnsQueryMax> room;
  const std::span<const std::byte> query =
      std::span{room}.first(write_dns_query(host_, question.type, attempt.id, room));
  if (attempt.by_tcp) {
    attempt.out.push_back(static_cast<char>(query.size() >> 8));
    attempt.out.push_back(static_cast<char>(query.size() & 0xff));
    attempt.out.append(reinterpret_cast<const char*>(query.data()), query.size());
    return true;
  }
  // `again`: lost, as on the way
  return sys::transmit(attempt.fd, query).outcome != sys::Outcome::fail;  // PLANT(send-query)
}

// That server cannot answer: asks the next one at once, unless a later attempt is on its way. If none can,
// all are asked once more: a server's failure is often a passing one.
void DnsQuery::fail(Question& question, Attempt& attempt, std::uint64_t now) {
  attempt.fd.reset();
  question.failed |= 1U << attempt.server;
  if (question.failed == (1U << servers_->size()) - 1U) {
    if (question.asked_all_again) return settle(question, State::failed, now);
    question.asked_all_again = true;
    question.failed = 0;
  }
  if (&attempt == &question.attempts[question.newest]) ask(question, now);
}

void DnsQuery::settle(Question& question, State state, std::uint64_t now) {
  question.state = state;
  for (Attempt& attempt : question.attempts) attempt = Attempt{};
  if (state == State::found) ends_at_ = std::min(ends_at_, now + kOtherFamilyMs);
}

std::size_t DnsQuery::descriptors() const noexcept {
  std::size_t count = 0;
  for (const Question& question : questions_)
    for (const Attempt& attempt : question.attempts) count += attempt.fd ? 1U : 0U;
  return count;
}

void DnsQuery::run(std::uint64_t now) {
  if (std::exchange(marked_, false))
    for (Question& question : questions_) read(question, now);
  for (Question& question : questions_)
    if (question.state == State::asking && now >= question.next_at) ask(question, now);
}

void DnsQuery::read(Question& question, std::uint64_t now) {
  for (Attempt& attempt : question.attempts)
    if (attempt.fd)
      attempt.by_tcp ? read_stream(question, attempt, now) : read_datagrams(question, attempt, now);
}

void DnsQuery::read_datagrams(Question& question, Attempt& attempt, std::uint64_t now) {
  std::array<std::byte, kDatagramMax> room;
  for (std::size_t i = 0; i < kDatagramsInTurn; ++i) {
    const sys::Io io = sys::receive(attempt.fd, room);
    if (io.outcome == sys::Outcome::again) return;
    if (io.outcome == sys::Outcome::fail) return fail(question, attempt, now);
    if (take(question, attempt, std::span{room}.first(io.bytes), now)) return;
  }
  marked_ = true;  // there may be more
}

void DnsQuery::read_stream(Question& question, Attempt& attempt, std::uint64_t now) {
  if (!attempt.out.empty()) {
    const sys::Io io = sys::transmit(attempt.fd, std::as_bytes(std::span{attempt.out}));
    if (io.outcome == sys::Outcome::fail) return fail(question, attempt, now);
    attempt.out.erase(0, io.bytes);
  }
  std::array<std::byte, kDatagramMax> room;
  for (std::size_t total = 0; total < kStreamBytesInTurn;) {
    const sys::Io io = sys::receive(attempt.fd, room);
    if (io.outcome == sys::Outcome::again) return;
    if (io.outcome != sys::Outcome::done) return fail(question, attempt, now);
    attempt.in.append(reinterpret_cast<const char*>(room.data()), io.bytes);
    total += io.bytes;
    if (attempt.in.size() < kLengthBytes) continue;
    const std::size_t length = static_cast<std::size_t>(static_cast<unsigned char>(attempt.in[0])) << 8 |
                               static_cast<unsigned char>(attempt.in[1]);
    if (attempt.in.size() < kLengthBytes + length) continue;
    const std::string whole = std::move(attempt.in);
    if (!take(question, attempt, std::as_bytes(std::span{whole}).subspan(kLengthBytes, length), now))
      fail(question, attempt, now);
    return;
  }
  marked_ = true;  // there may be more
}

// Returns false if the message is not a response to this attempt; true if the attempt has ended.
bool DnsQuery::take(Question& question, Attempt& attempt, std::span<const std::byte> message,
                    std::uint64_t now) {
  const DnsResponse response =
      read_dns_response(message, host_, question.type, attempt.id, question.addresses);
  if (response.what == DnsResponse::What::foreign) return false;
  if (response.what == DnsResponse::What::failed ||
      (response.what == DnsResponse::What::truncated && attempt.by_tcp)) {
    fail(question, attempt, now);
    return true;
  }
  answered_by_ = &(*servers_)[attempt.server];
  question.ttl_s = response.ttl_s;
  switch (response.what) {
    case DnsResponse::What::truncated:
      question.by_tcp = true;
      if (!send(question, attempt, attempt.server, now)) fail(question, attempt, now);
      return true;
    case DnsResponse::What::found: settle(question, State::found, now); return true;
    default: settle(question, State::none, now); return true;
  }
}

bool DnsQuery::asking() const noexcept {
  return std::any_of(questions_.begin(), questions_.end(),
                     [](const Question& question) { return question.state == State::asking; });
}

bool DnsQuery::done(std::uint64_t now) const noexcept { return !asking() || now >= ends_at_; }

std::uint64_t DnsQuery::deadline() const noexcept {
  if (marked_ || !asking()) return 0;
  std::uint64_t at = ends_at_;
  for (const Question& question : questions_)
    if (question.state == State::asking) at = std::min(at, question.next_at);
  return at;
}

Found DnsQuery::found() {
  Found found{.what = Found::What::not_found, .host = host_, .addresses = {}, .ttl_ms = 0};
  std::vector<sys::Address> all;
  std::uint32_t ttl_s = ~std::uint32_t{0};
  for (const Question& question : questions_) {
    all.insert(all.end(), question.addresses.begin(), question.addresses.end());
    if (question.state == State::found) ttl_s = std::min(ttl_s, question.ttl_s);
    if (question.state == State::failed && found.what == Found::What::not_found)
      found.what = Found::What::failed;
  }
  if (all.empty()) return found;
  found.what = Found::What::found;
  found.addresses = Addresses::of(std::move(all));
  found.ttl_ms = std::uint64_t{ttl_s} * 1000;
  return found;
}

}  // namespace net
