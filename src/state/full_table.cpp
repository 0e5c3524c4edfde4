#include "full_table.hpp"

#include <algorithm>

#include "../base/fair_share.hpp"
#include "../http/reply.hpp"
#include "../http/status.hpp"
#include "../net/acceptor.hpp"
#include "../plan/generation.hpp"
#include "../plan/router.hpp"
#include "timeouts.hpp"

using base::Reason;
using plan::Wait;

namespace state {

namespace {

// How long a connection that is idle, or has sent a part of a head, keeps its record although another client
// has none: the rest may be on the way.
constexpr std::uint64_t kGraceMs = 1000;

// The connection gives way to its own client, to one that has fewer, and after a while to all others.
bool gives_way(const request_info& record, const sys::Address& peer, const Worker& worker) noexcept {
  const std::size_t own = worker.shares.connections(peer);
  if (base::must_return(worker.shares.connections(record.client), own)) return true;
  return sys::client_key(record.client) == sys::client_key(peer) || has_waited(record, kGraceMs, worker.now);
}

// The connection whose client has been silent for longest; null if there is none, or if its next request may
// have come.
request_info* longest_idle(Worker& worker) noexcept {
  request_info* found = nullptr;
  for (const Wait wait : {Wait::linger, Wait::keep_alive, Wait::idle}) {
    request_info* const record = worker.scheduler.oldest(wait);
    const bool has_event = record != nullptr && record->ready.linked();
    if (record == nullptr || has_event) continue;
    if (found == nullptr || record->deadline < found->deadline) found = record;
  }
  return found;
}

// The connection whose request head has been incomplete for longest; null if there is none after the grace.
request_info* late_head(Worker& worker) noexcept {
  request_info* const record = worker.scheduler.oldest(Wait::request_head);
  const bool is_late =
      record != nullptr && !record->ready.linked() && has_waited(*record, kGraceMs, worker.now);
  return is_late ? record : nullptr;
}

// Each record may need one more exchange in this turn, so that many stay free.
// `sent`: bytes of the response; `head`: those before its body.
void log_refusal(const sys::Address& peer, Reason reason, std::size_t sent, std::size_t head,
                 Worker& worker) noexcept {
  ExchangePtr exchange = worker.exchanges.take(worker.table.slots());
  if (!exchange) return;
  AccessRecord& log = exchange->log;
  log.id = worker.connections;
  log.client = peer;
  log.wall_ms = worker.wall_ms;
  log.nth = 1;
  log.sent_down = sent;
  log.head_down = std::min(head, sent);
  log.status = sent > 0 ? http::error_reply(reason).status : std::uint16_t{0};
  log.reason = reason;
  log.ended_in = State::READ_REQUEST;
  worker.finished.push_back(std::move(exchange));
}

}  // namespace

request_info* record_to_release(const sys::Address& peer, Worker& worker) noexcept {
  const plan::Shares& shares = worker.shares;
  if (const std::uint32_t slot = shares.idle_connection(); slot != base::kNoIndex)
    if (gives_way(worker.table.at(slot), peer, worker)) return &worker.table.at(slot);
  request_info* const idle = longest_idle(worker);
  if (idle != nullptr && gives_way(*idle, peer, worker)) return idle;
  const std::uint32_t slot = shares.busy_connection(peer);  // PLANT(greedy-gives-way)
  if (slot != base::kNoIndex) return &worker.table.at(slot);
  const auto has_more = [&](const request_info* record) {
    return record != nullptr && shares.connections(record->client) > shares.connections(peer);
  };
  if (has_more(idle)) return idle;
  request_info* const head = late_head(worker);
  return has_more(head) ? head : nullptr;
}

void refuse(sys::Fd client, const sys::Address& peer, std::uint8_t listener, Reason reason,
            Worker& worker) noexcept {
  const plan::Config& config = worker.current->config;
  std::array<char, http::kErrorResponseBytesMax> room;
  std::size_t length = 0;
  ++worker.connections;
  const bool web = config.listeners[listener].role == plan::Role::web;
  const http::ProxyFields hop{config.name, worker.date,
                              web ? std::string_view{config.server_name} : std::string_view{}};
  if (!plan::kind_of(config.listeners[listener].role))
    length = http::write_error_response({.reason = reason, .id = worker.connections}, hop, room);
  plan::ClientLimits* const limits = worker.current->limits.get();
  const std::uint64_t may = limits != nullptr ? limits->bytes_allowed(peer, worker.now) : plan::kUnlimited;
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(may, net::kRefusedReadMax));
  const net::Refused moved = net::refuse(std::move(client), {room.data(), length}, most);
  if (limits != nullptr) limits->spent(peer, moved.read + moved.sent);
  const std::string_view response{room.data(), length};
  log_refusal(peer, reason, moved.sent, length == 0 ? 0 : response.find("\r\n\r\n") + 4, worker);
}

}  // namespace state
