#include "health_checker.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "../net/resolver.hpp"
#include "../plan/generation.hpp"
#include "../state/parts.hpp"

using base::Reason;
using net::Link;

namespace server {
namespace {

// What we lack ourselves says nothing about the server.
bool is_ours(Reason reason) noexcept {
  return reason != Reason::none && base::row(reason).ended_by == base::Party::proxy;
}

// Which part of a check was too long.
Reason late(Link link) noexcept {
  if (link == Link::resolving) return Reason::dns_timeout;
  return link == Link::connecting ? Reason::connect_timeout : Reason::response_timeout;
}

std::string request_text(const std::string& path, const plan::Hop& server) {
  std::array<char, http::kHostTextMax> room;
  return "GET " + path + " HTTP/1.1\r\nHost: " + std::string{state::authority_of(server, room)} +
         "\r\nConnection: close\r\n\r\n";
}

}  // namespace

// ---- events ----------------------------------------------------------------------------------------------

HealthChecker::Probe* HealthChecker::find(const net::Token& token) noexcept {
  if (token.slot >= probes_.size() || probes_[token.slot].server.serial != token.serial) return nullptr;
  return &probes_[token.slot];
}

net::Token HealthChecker::token_of(const Probe& probe) const noexcept {
  return {probe.server.serial, static_cast<std::uint32_t>(&probe - probes_.data()), net::Token::Kind::check};
}

void HealthChecker::mark(const net::Token& token, const sys::Event& event) noexcept {
  Probe* const probe = find(token);
  if (probe == nullptr) return;
  probe->server.mark(event);
  probe->marked = true;
}

void HealthChecker::wake(const net::Token& token) noexcept {
  if (Probe* const probe = find(token); probe != nullptr) probe->marked = true;
}

// ---- one check -------------------------------------------------------------------------------------------

HealthChecker::Found HealthChecker::look_up(Probe& probe, std::uint64_t now) {
  const plan::Hop& server = generation_->config.groups[probe.group].members[probe.member];
  if (!server.socket.empty()) {
    probe.addresses.add({.family = sys::Address::Family::local});
    return connect_next(probe, now, Reason::host_unreachable);
  }
  const net::Lookup found = resolver_.find(server.host, server.port, token_of(probe), now);
  if (found.what == net::Lookup::What::pending) return {};
  if (found.what == net::Lookup::What::failed) return Finding{.reason = found.why};
  probe.addresses = found.addresses;
  return connect_next(probe, now, Reason::dns_timeout);
}

int HealthChecker::begin_connection(Probe& probe, const sys::Address& address) noexcept {
  const plan::Hop& server = generation_->config.groups[probe.group].members[probe.member];
  sys::Opened opened = address.family == sys::Address::Family::local
                           ? sys::connect_local(server.socket.c_str())
                           : sys::connect(address);
  probe.server = net::Endpoint{};
  probe.server.serial = ++serial_;
  probe.server.link = Link::connecting;
  if (!opened.fd) return opened.error;
  probe.server.fd = std::move(opened.fd);
  return sys::watch(poller_, probe.server.fd.get(), token_of(probe).packed());
}

// One after another, and each has its share of the time that is left: there is nobody who waits, so there is
// no race (connect.cpp). `otherwise` is why there is no connection if there is no time or address left.
HealthChecker::Found HealthChecker::connect_next(Probe& probe, std::uint64_t now, Reason otherwise) noexcept {
  while (now < probe.until && probe.next_address < probe.addresses.count) {
    const auto left = static_cast<std::uint64_t>(probe.addresses.count - probe.next_address);
    const int error = begin_connection(probe, probe.addresses.list[probe.next_address++]);
    probe.next_at = now + (probe.until - now) / left;
    if (error == 0) return {};
    otherwise = state::reason_for(error);
  }
  return Finding{.reason = otherwise};
}

HealthChecker::Found HealthChecker::connecting(Probe& probe, std::uint64_t now) noexcept {
  if (!probe.server.writable && now < probe.next_at) return {};
  const int error = probe.server.writable ? sys::socket_error(probe.server.fd) : ETIMEDOUT;
  if (error != 0) return connect_next(probe, now, state::reason_for(error));
  probe.server.link = Link::open;
  return {};
}

// Says what is left of the request, and hears the answer as far as it has come.
HealthChecker::Found HealthChecker::talk(Probe& probe) noexcept {
  while (probe.server.writable && probe.sent < probe.request.size()) {
    const sys::Io io =
        sys::transmit(probe.server.fd, std::as_bytes(std::span{probe.request}).subspan(probe.sent));
    if (io.outcome == sys::Outcome::again) probe.server.writable = false;
    if (io.outcome == sys::Outcome::fail) return Finding{.reason = state::reason_for(io.error)};
    probe.sent += io.bytes;
  }
  while (probe.server.readable) {
    if (!probe.block) probe.block = blocks_.take();
    if (!probe.block) return Finding{.reason = Reason::no_buffer};
    // What it says before its answer (1xx) has to fit as well.
    if (probe.end == base::kBlockBytes) return Finding{.reason = Reason::head_too_large};
    const sys::Io io = sys::receive(probe.server.fd, std::span{probe.block->bytes}.subspan(probe.end));
    if (io.outcome == sys::Outcome::again) probe.server.readable = false;
    if (io.outcome == sys::Outcome::eof) return Finding{.reason = Reason::upstream_closed};
    if (io.outcome == sys::Outcome::fail) return Finding{.reason = state::reason_for(io.error)};
    probe.end += io.bytes;
    if (const Found found = parse(probe)) return found;
  }
  return {};
}

HealthChecker::Found HealthChecker::parse(Probe& probe) noexcept {
  const std::string_view text{reinterpret_cast<const char*>(probe.block->bytes), probe.end};
  for (;;) {
    http::ResponseHead head;
    const http::Parsed parsed = http::parse_response(text.substr(probe.begin), probe.seen, false, head);
    if (parsed.what == http::Parsed::What::bad) return Finding{.reason = parsed.why};
    if (parsed.what == http::Parsed::What::partial) {
      probe.seen = text.size() - probe.begin;
      return {};
    }
    if (!head.interim()) return Finding{.status = head.status};
    probe.begin += parsed.length;
    probe.seen = 0;
  }
}

// As far as it goes without waiting. What has come is looked at first: it may be we who were late.
HealthChecker::Found HealthChecker::advance(Probe& probe, std::uint64_t now) {
  Found found;
  if (probe.server.link == Link::resolving) found = look_up(probe, now);
  if (!found && probe.server.link == Link::connecting) found = connecting(probe, now);
  if (!found && probe.server.link == Link::open) found = talk(probe);
  if (!found && now >= probe.until) return Finding{.reason = late(probe.server.link)};
  return found;
}

void HealthChecker::go_on(Probe& probe, std::uint64_t now) {
  probe.marked = false;
  if (const Found found = advance(probe, now)) conclude(probe, *found);
}

void HealthChecker::conclude(Probe& probe, const Finding& finding) {
  const bool well = finding.status / 100 == 2 || finding.status / 100 == 3;
  const plan::Group& group = generation_->config.groups[probe.group];
  if (is_ours(finding.reason))
    generation_->groups->check_given_up(probe.group, probe.member);
  else if (generation_->groups->check_result(probe.group, probe.member, well))
    changes_.push_back({&group, &group.members[probe.member], well, finding.status, finding.reason});
  probe = Probe{};
}

// ---- all of them -----------------------------------------------------------------------------------------

void HealthChecker::use(const plan::Generation* whom) noexcept {
  for (Probe& probe : probes_) {
    if (probe.server.link == Link::none) continue;
    generation_->groups->check_given_up(probe.group, probe.member);
    probe = Probe{};
  }
  generation_ = whom;
  begin_at_ = whom == nullptr ? 0 : 1;  // at once
}

void HealthChecker::begin_those_due(std::uint64_t now) {
  for (Probe& probe : probes_) {
    // One that is over before it waits leaves its place to the next.
    while (probe.server.link == Link::none) {
      const plan::Balancer::Check due = generation_->groups->next_check(now);
      begin_at_ = due.at;
      if (due.member == plan::kNoMember) return;
      const plan::Group& group = generation_->config.groups[due.group];
      const std::uint64_t longest =
          std::min<std::uint64_t>(kLongestMs, generation_->config.wait(plan::Wait::response_head));
      probe.group = due.group;
      probe.member = due.member;
      probe.until = now + longest;
      probe.request = request_text(group.check_path, group.members[due.member]);
      probe.server.serial = ++serial_;
      probe.server.link = Link::resolving;
      go_on(probe, now);
    }
  }
  begin_at_ = 0;  // all places are taken
}

std::span<const HealthChecker::Change> HealthChecker::run(std::uint64_t now) {
  changes_.clear();
  bool ended = false;
  for (Probe& probe : probes_) {
    if (probe.server.link == Link::none) continue;
    if (probe.marked || now >= probe.deadline()) go_on(probe, now);
    ended |= probe.server.link == Link::none;
  }
  if (generation_ != nullptr && (ended || (begin_at_ != 0 && now >= begin_at_))) begin_those_due(now);
  return changes_;
}

std::uint64_t HealthChecker::next_deadline() const noexcept {
  std::uint64_t at = begin_at_;
  for (const Probe& probe : probes_)
    if (probe.server.link != Link::none && (at == 0 || probe.deadline() < at)) at = probe.deadline();
  return at;
}

std::size_t HealthChecker::under_way() const noexcept {
  return static_cast<std::size_t>(std::count_if(
      probes_.begin(), probes_.end(), [](const Probe& probe) { return probe.server.link != Link::none; }));
}

std::string text_of(const HealthChecker::Change& change) {
  const std::string result =
      change.status != 0 ? std::to_string(change.status) : std::string{base::row(change.reason).name};
  return "health check " + change.group->check_path + " of " + plan::text_of(*change.server) +
         (change.well ? " passed (" + result + "): back in use"
                      : " failed (" + result + "): ejected until a check passes");
}

}  // namespace server
