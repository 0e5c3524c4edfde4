#include "read_head.hpp"

#include <optional>

#include "../http/reply.hpp"
#include "../http/rewrite.hpp"
#include "../net/error_reason.hpp"
#include "blocks.hpp"
#include "bookkeeping.hpp"
#include "finish.hpp"
#include "local_response.hpp"
#include "timeouts.hpp"
#include "upstream.hpp"

using base::Reason;
using net::Flow;
using plan::Wait;

namespace state {

namespace {

static_assert(http::kErrorResponseBytesMax + http::kContinue.size() <= base::kBlockBytes);

std::string_view text_of(const net::Lane& lane) noexcept {
  return {reinterpret_cast<const char*>(lane.block->bytes), lane.end};
}

// ---- requests --------------------------------------------------------------------------------------------

// The client has sent nothing yet.
Result await_request(request_info& record, const Worker& worker) noexcept {
  record.lane[kRequest].drop_block();
  // PLANT(drain-closes-idle)
  return worker.stopping() ? close_idle(record)
                           : wait_for(record.served == 0 ? Wait::idle : Wait::keep_alive);
}

// The head's timer stands still while the client has no allowance, so it is checked here: a client could
// otherwise hold a head open without end by using up its allowance.
Result throttled_head(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& request = record.lane[kRequest];
  if (request.end == 0)
    request.drop_block();
  else if (worker.now - record.entered >= timeout_ms(record, Wait::request_head))
    return fail_request(record, turn, worker, Reason::head_timeout);
  return yield();
}

// Reads more of the head. Returns what the record does if nothing was read; empty: there are bytes to parse.
std::optional<Result> read_more_of_request(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& request = record.lane[kRequest];
  if (!request.block && !record.side[kClient].readable) return await_request(record, worker);
  if (!request.block) request.block = take_for_head(record, turn, worker);
  if (!request.block) return need_block(record.served == 0 ? Wait::idle : Wait::keep_alive);
  switch (fill_head(record, turn, worker, kRequest)) {
    case Flow::budget: return throttled_head(record, turn, worker);
    case Flow::read_failed: return close_connection(Reason::client_closed);  // PLANT(client-leaves)
    case Flow::need_read:
      return request.end > 0 ? wait_for(Wait::request_head) : await_request(record, worker);
    default: return {};
  }
}

// ---- responses -------------------------------------------------------------------------------------------

// The upstream has sent nothing more. REQUIRES: all that came was parsed.
Result await_more(net::Lane& response, const Result& result) noexcept {
  if (response.end == 0) response.drop_block();
  return result;
}

Result upstream_failed(request_info& record, Turn& turn, Worker& worker) noexcept {
  if (record.lane[kRequest].repeatable) return retry_request(record);
  const int error = record.lane[kResponse].error;
  record.exchange->log.error = error;
  return fail_request(record, turn, worker, net::reason_for(error));
}

// Like `read_more_of_request`.
std::optional<Result> read_more_of_response(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  // PLANT(read-before-hangup)
  if (!record.side[kUpstream].readable) return await_more(response, wait_for(Wait::response_head));
  if (!response.block) response.block = worker.blocks.take(turn.stores.leave);
  // PLANT(take-kept-block)
  if (!response.block && release_retained_block(record))
    response.block = worker.blocks.take(turn.stores.leave);
  if (!response.block) return need_block(Wait::response_head);
  switch (fill_head(record, turn, worker, kResponse)) {
    case Flow::need_read: return await_more(response, wait_for(Wait::response_head));
    case Flow::budget: return await_more(response, yield());
    case Flow::read_failed: return upstream_failed(record, turn, worker);
    default: break;
  }
  record.exchange->message.responds_early |= !request.complete();
  // PLANT(response-ends-repeat)
  if (request.repeatable) request.drop_sent();  // the upstream has received it
  return {};
}

}  // namespace

HeadRead read_request_head(request_info& record, Turn& turn, Worker& worker,
                           http::RequestHead& head) noexcept {
  net::Lane& request = record.lane[kRequest];
  for (;;) {
    if (request.held() == 0)  // all that came was parsed
      if (const auto result = read_more_of_request(record, turn, worker)) return {*result};
    if (request.begin == 0) record.entered = worker.now;  // the request begins with its first byte
    const http::Parsed parsed =
        http::parse_request(text_of(request), request.begin, head, worker.head_limits);
    if (parsed.what == http::Parsed::What::complete) return {.length = parsed.length};
    if (parsed.what == http::Parsed::What::bad) return {fail_request(record, turn, worker, parsed.why)};
    request.begin = request.end;
  }
}

HeadRead read_response_head(request_info& record, Turn& turn, Worker& worker,
                            http::ResponseHead& head) noexcept {
  net::Lane& response = record.lane[kResponse];
  const bool to_head = record.exchange->message.to_head;
  for (;;) {
    if (response.held() == 0)  // all that came was parsed
      if (const auto result = read_more_of_response(record, turn, worker)) return {*result};
    const http::Parsed parsed =
        http::parse_response(text_of(response), response.begin, to_head, head, worker.head_limits);
    if (parsed.what == http::Parsed::What::complete) return {.length = parsed.length};
    if (parsed.what == http::Parsed::What::bad) return {reject_response(record, turn, worker, parsed.why)};
    response.begin = response.end;
  }
}

}  // namespace state
