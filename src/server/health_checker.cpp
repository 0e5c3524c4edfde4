#include "health_checker.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "../http/head.hpp"
#include "../http/rewrite.hpp"
#include "../net/error_reason.hpp"

using base::Reason;
using net::Link;
using Status = net::Connector::Status;

namespace server {
namespace {

Reason timeout_of(Link link) noexcept {
  if (link == Link::resolving) return Reason::dns_timeout;
  return link == Link::connecting ? Reason::connect_timeout : Reason::response_timeout;
}

std::string request_text(const std::string& path, const plan::Hop& server) {
  std::array<char, http::kHostTextMax> room;
  return "GET " + path + " HTTP/1.1\r\nHost: " + std::string{plan::authority_of(server, room)} +
         "\r\nConnection: close\r\n\r\n";
}

}  // namespace

// ---- events ----------------------------------------------------------------------------------------------

// The check whose newest endpoint has that serial, or one of whose earlier attempts has it.
HealthChecker::Check* HealthChecker::find(const net::Token& token) noexcept {
  if (token.slot >= checks_.size()) return nullptr;
  Check& check = checks_[token.slot];
  const bool found = check.server.serial == token.serial || check.connector.find(token.serial) != nullptr;
  return check.server.link != Link::none && found ? &check : nullptr;
}

net::Token HealthChecker::token_of(const Check& check, std::uint32_t serial) const noexcept {
  return {serial, static_cast<std::uint32_t>(&check - checks_.data()), net::Token::Kind::check};
}

void HealthChecker::mark(const net::Token& token, const sys::Event& event) noexcept {
  Check* const check = find(token);
  if (check == nullptr) return;
  net::Endpoint* const earlier = check->connector.find(token.serial);
  (earlier != nullptr ? *earlier : check->server).mark(event);
  check->marked = true;
}

void HealthChecker::wake(const net::Token& token) noexcept {
  if (Check* const check = find(token); check != nullptr) check->marked = true;
}

// ---- one check -------------------------------------------------------------------------------------------

const plan::Hop& HealthChecker::server_of(const Check& check) const noexcept {
  return generation_->config.groups[check.group].members[check.member];
}

HealthChecker::MaybeResult HealthChecker::look_up(Check& check, std::uint64_t now) {
  const plan::Hop& server = server_of(check);
  net::Addresses addresses;
  if (!server.socket.empty()) {
    addresses.add({.family = sys::Address::Family::local});
  } else {
    const net::Lookup lookup = resolver_.find(server.host, server.port, lookup_of(check), now);
    if (lookup.what == net::Lookup::What::pending) return {};
    if (lookup.what == net::Lookup::What::failed) return Result{.reason = lookup.why};
    addresses = lookup.addresses;
  }
  check.connector.start(addresses, address_health_);
  if (now >= check.ends_at) return Result{.reason = Reason::dns_timeout};
  return start_attempt(check, now, Reason::host_unreachable);
}

net::Connector::Outcome HealthChecker::open(Check& check, const sys::Address& address,
                                            net::Endpoint& into) noexcept {
  sys::Opened opened = address.family == sys::Address::Family::local
                           ? sys::connect_local(server_of(check).socket.c_str())
                           : sys::connect(address);
  const std::uint32_t serial = ++serial_;
  if (opened.fd) opened.error = sys::watch(poller_, opened.fd.get(), token_of(check, serial).packed());
  if (opened.error != 0) return {Status::failed, net::reason_for(opened.error), opened.error};
  into = net::Endpoint{};
  into.fd = std::move(opened.fd);
  into.serial = serial;
  into.link = Link::connecting;
  return {};
}

// Each attempt gets an equal share of the remaining time. Fails for `otherwise` if no attempt is left.
HealthChecker::MaybeResult HealthChecker::start_attempt(Check& check, std::uint64_t now,
                                                        Reason otherwise) noexcept {
  if (now >= check.ends_at) return Result{.reason = otherwise};
  if (check.server.link == Link::resolving) check.server = net::Endpoint{};
  const auto open_to = [this, &check](const sys::Address& address, net::Endpoint& into) {
    return open(check, address, into);
  };
  const net::Connector::Outcome outcome = check.connector.start_next(check.server, now, otherwise, open_to);
  if (outcome.status == Status::failed) return Result{.reason = outcome.reason};
  check.attempt_ends_at = now + (check.ends_at - now) / (check.connector.left() + 1U);
  return {};
}

HealthChecker::MaybeResult HealthChecker::connecting(Check& check, std::uint64_t now) noexcept {
  const net::Connector::Outcome outcome = check.connector.poll(check.server, now);
  if (outcome.status == Status::failed) return start_attempt(check, now, outcome.reason);
  if (outcome.status == Status::connected)
    check.server.link = Link::open;
  else if (now >= check.attempt_ends_at)
    return start_attempt(check, now, Reason::connect_timeout);
  return {};
}

// Sends the rest of the request and reads the response as far as it has arrived.
HealthChecker::MaybeResult HealthChecker::exchange(Check& check) noexcept {
  net::Endpoint& server = check.server;
  while (server.writable && check.sent < check.request.size()) {
    const sys::Io io = sys::transmit(server.fd, std::as_bytes(std::span{check.request}).subspan(check.sent));
    if (io.outcome == sys::Outcome::again) server.writable = false;
    if (io.outcome == sys::Outcome::fail) return Result{.reason = net::reason_for(io.error)};
    check.sent += io.bytes;
  }
  while (server.readable) {
    if (!check.block) check.block = blocks_.take();
    if (!check.block) return Result{.reason = Reason::no_buffer};
    if (check.received == check.block->size) return Result{.reason = Reason::head_too_large};
    const sys::Io io = sys::receive(server.fd, check.block->room().subspan(check.received));
    if (io.outcome == sys::Outcome::again) server.readable = false;
    if (io.outcome == sys::Outcome::eof) return Result{.reason = Reason::upstream_closed};
    if (io.outcome == sys::Outcome::fail) return Result{.reason = net::reason_for(io.error)};
    check.received += io.bytes;
    if (const MaybeResult result = parse(check)) return result;
  }
  return {};
}

// Skips 1xx heads.
HealthChecker::MaybeResult HealthChecker::parse(Check& check) const noexcept {
  const std::string_view text{reinterpret_cast<const char*>(check.block->bytes), check.received};
  for (;;) {
    http::ResponseHead head;
    const http::Parsed parsed = http::parse_response(text.substr(check.head_at), check.parsed_to, false, head,
                                                     generation_->config.head_limits);
    if (parsed.what == http::Parsed::What::bad) return Result{.reason = parsed.why};
    if (parsed.what == http::Parsed::What::partial) {
      check.parsed_to = text.size() - check.head_at;
      return {};
    }
    if (!head.interim()) return Result{.status = head.status};
    check.head_at += parsed.length;
    check.parsed_to = 0;
  }
}

// As far as possible without waiting. Arrived bytes count before the deadline: the loop itself may be late.
HealthChecker::MaybeResult HealthChecker::advance(Check& check, std::uint64_t now) {
  MaybeResult result;
  if (check.server.link == Link::resolving) result = look_up(check, now);
  if (!result && check.server.link == Link::connecting) result = connecting(check, now);
  if (!result && check.server.link == Link::open) result = exchange(check);
  if (!result && now >= check.ends_at) return Result{.reason = timeout_of(check.server.link)};
  return result;
}

void HealthChecker::continue_check(Check& check, std::uint64_t now) {
  check.marked = false;
  if (const MaybeResult result = advance(check, now)) finish(check, *result);
}

void HealthChecker::finish(Check& check, const Result& result) {
  const bool healthy = result.status / 100 == 2 || result.status / 100 == 3;
  const plan::Group& group = generation_->config.groups[check.group];
  if (base::ended_by_proxy(result.reason))
    generation_->groups->check_given_up(check.group, check.member);
  else if (generation_->groups->check_result(check.group, check.member, healthy))
    changes_.push_back({&group, &server_of(check), healthy, result.status, result.reason});
  clear(check);
}

void HealthChecker::clear(Check& check) noexcept {
  check = Check{};
  lookup_of(check).leave();
}

// ---- all checks ------------------------------------------------------------------------------------------

void HealthChecker::use(const plan::Generation* generation) noexcept {
  for (Check& check : checks_) {
    if (check.server.link == Link::none) continue;
    generation_->groups->check_given_up(check.group, check.member);
    clear(check);
  }
  generation_ = generation;
  next_start_at_ = generation == nullptr ? 0 : 1;  // at once
}

void HealthChecker::start_due(std::uint64_t now) {
  for (Check& check : checks_) {
    // A check that ends without waiting frees its place for the next one.
    while (check.server.link == Link::none) {
      const plan::Balancer::Check due = generation_->groups->next_check(now);
      next_start_at_ = due.at;
      if (due.member == plan::kNoMember) return;
      check.group = due.group;
      check.member = due.member;
      const std::uint64_t longest = generation_->config.wait(plan::Wait::response_head);  // 0: none
      check.ends_at = now + (longest == 0 ? kLongestMs : std::min<std::uint64_t>(kLongestMs, longest));
      check.request = request_text(generation_->config.groups[due.group].check_path, server_of(check));
      check.server.serial = ++serial_;
      check.server.link = Link::resolving;
      lookup_of(check).restart(token_of(check, check.server.serial), sys::Address{});
      continue_check(check, now);
    }
  }
  next_start_at_ = 0;  // no place is free
}

std::span<const HealthChecker::Change> HealthChecker::run(std::uint64_t now) {
  changes_.clear();
  bool ended = false;
  for (Check& check : checks_) {
    if (check.server.link == Link::none) continue;
    if (check.marked || now >= check.deadline()) continue_check(check, now);
    ended |= check.server.link == Link::none;
  }
  if (generation_ != nullptr && (ended || (next_start_at_ != 0 && now >= next_start_at_))) start_due(now);
  return changes_;
}

std::uint64_t HealthChecker::next_deadline() const noexcept {
  std::uint64_t at = next_start_at_;
  for (const Check& check : checks_)
    if (check.server.link != Link::none && (at == 0 || check.deadline() < at)) at = check.deadline();
  return at;
}

std::size_t HealthChecker::descriptors() const noexcept {
  std::size_t count = 0;
  for (const Check& check : checks_) count += (check.server.fd ? 1U : 0U) + check.connector.earlier().size();
  return count;
}

std::size_t HealthChecker::in_progress() const noexcept {
  return static_cast<std::size_t>(std::count_if(
      checks_.begin(), checks_.end(), [](const Check& check) { return check.server.link != Link::none; }));
}

std::string text_of(const HealthChecker::Change& change) {
  const std::string result =
      change.status != 0 ? std::to_string(change.status) : std::string{base::row(change.reason).name};
  return "health check " + change.group->check_path + " of " + plan::text_of(*change.server) +
         (change.healthy ? " passed (" + result + "): back in use"
                         : " failed (" + result + "): ejected until a check passes");
}

}  // namespace server
