#include "web.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "../files/body_sources.hpp"
#include "../files/server.hpp"
#include "../http/accept.hpp"
#include "../http/methods.hpp"
#include "../http/redirect.hpp"
#include "../http/reply.hpp"
#include "../http/status.hpp"
#include "blocks.hpp"
#include "bookkeeping.hpp"

using base::Reason;

namespace state {

namespace {

files::Answer redirect(const plan::WebRoute& route, const http::RequestHead& head) {
  files::Answer answer;
  answer.status = route.status;
  answer.fields = "Location: " + http::redirect_location(route.location, head.path) + "\r\n";
  answer.body = {http::Body::Kind::length, 0};
  return answer;
}

bool prefers_json(const http::Fields& fields) noexcept {
  return http::prefers(fields, "application/json", "text/plain");
}

struct MetricsType {
  std::string_view in_accept, content_type;
};
// By Pages::MetricsFormat. With equal weights, the last one that Accept names is sent.
constexpr std::array<MetricsType, Pages::kMetricsFormats> kMetricsTypes{
    {{"text/plain", Pages::kTextType},
     {"application/json", Pages::kJsonType},
     {"application/openmetrics-text", Pages::kOpenMetricsType}}};

Pages::MetricsFormat preferred_format(const http::Fields& fields) noexcept {
  std::size_t best = 0;
  for (std::size_t i = 1; i < kMetricsTypes.size(); ++i)
    if (http::prefers(fields, kMetricsTypes[i].in_accept, kMetricsTypes[best].in_accept)) best = i;
  return static_cast<Pages::MetricsFormat>(best);
}

Pages::Page page_of(Worker& worker, const http::RequestHead& head, const plan::Plan& plan) {
  const plan::Kind kind = plan.kind;
  if (kind == plan::Kind::metrics) return metrics_page(worker, head.fields);
  if (kind == plan::Kind::doctor)
    return findings_page(worker, head.fields, plan.route->prefix.ends_with(".json"));
  return health_page(kind == plan::Kind::health || !worker.stopping());
}

// The refusal of a method that pages do not have; its reason is `none` for GET and HEAD.
files::Answer check_method(std::string_view method) {
  files::Answer answer;
  answer.reason = http::page_objection(method);
  if (answer.reason == Reason::method_not_allowed) answer.fields = http::kPageAllow;
  return answer;
}

// Viewers leave half of the records to clients.
bool may_view(const request_info& record, const Worker& worker) noexcept {
  const std::size_t others = worker.viewers - (record.viewer ? 1 : 0);
  return others < std::max<std::size_t>(1, worker.table.slots() / 2);  // PLANT(viewers-leave-half)
}

// `bytes`: of its text that are a unit of work.
files::Answer send(Pages::Page page, std::string_view method, std::uint64_t bytes) {
  files::Answer answer;
  const std::uint64_t length = page.text == nullptr ? 0 : page.text->size();
  answer.status = page.status;
  answer.fields = std::move(page.fields);
  if (page.text != nullptr) answer.body = {http::Body::Kind::length, length};
  answer.work = page.work + length / bytes;
  answer.pending = page.pending;
  if (method != "HEAD" && length > 0)
    answer.source = files::whole_file_source({std::move(page.text), {}}, length);
  return answer;
}

files::Answer send_board(request_info& record, Worker& worker, const http::RequestHead& head) {
  files::Answer answer = check_method(head.method);
  if (answer.reason != Reason::none || worker.pages == nullptr) return answer;
  if (!may_view(record, worker)) {
    answer.reason = Reason::max_requests_reached;
    return answer;
  }
  become_viewer(record, worker);
  return send(worker.pages->board_page(head, record), head.method, base::Work::kFileBytes);
}

files::Answer send_page(Worker& worker, const http::RequestHead& head, const plan::Plan& plan) {
  files::Answer answer = check_method(head.method);
  if (answer.reason != Reason::none) return answer;
  return send(page_of(worker, head, plan), head.method, base::Work::kTextBytes);
}

// The response costs more than its bytes.
constexpr bool is_work(plan::Kind kind) noexcept {
  return kind == plan::Kind::files || kind == plan::Kind::metrics || kind == plan::Kind::doctor ||
         kind == plan::Kind::board;
}

files::Answer make_web_response(request_info& record, Worker& worker, const http::RequestHead& head,
                                const plan::Plan& plan) {
  switch (plan.kind) {
    case plan::Kind::board: return send_board(record, worker, head);
    case plan::Kind::files:
      return worker.files->answer(*plan.route, head, plan.file, worker.now, worker.wall_ms);
    case plan::Kind::redirect: return redirect(*plan.route, head);
    case plan::Kind::metrics:
    case plan::Kind::health:
    case plan::Kind::ready:
    case plan::Kind::doctor: return send_page(worker, head, plan);
    default: break;
  }
  files::Answer answer;
  answer.reason = plan.reason;
  return answer;
}

// Puts a body that lies in memory after the head, as far as the client's allowance goes, so that one send
// carries both.
void append_first_bytes(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& response = record.lane[kResponse];
  if (!record.body_source || response.encoding != net::Encoding::plain || record.body_source->range().fd >= 0)
    return;
  const std::uint64_t may = allowance(record, turn, worker, kResponse);
  const std::uint64_t most = std::min<std::uint64_t>(response.block->size - response.end, may);
  const std::size_t room = response.framing.wanted(static_cast<std::size_t>(most));
  if (room == 0) return;
  const base::BodySource::Produced made =
      record.body_source->produce({response.block->bytes + response.end, room});
  worker.budget.spend(record.body_source->work());
  if (made.got != base::BodySource::Got::some) return;
  charge(record, turn, made.bytes);
  response.framing.pass(made.bytes);
  response.end = static_cast<std::uint16_t>(response.end + made.bytes);
}

Result send_web_response(request_info& record, Turn& turn, Worker& worker, files::Answer& found) noexcept {
  net::Lane& response = record.lane[kResponse];
  Exchange& exchange = *record.exchange;
  if (exchange.route.web != nullptr)
    for (const http::FieldEdits::Added& field : exchange.route.web->response_fields.add)
      found.fields += field.name + ": " + field.value + "\r\n";
  const http::ReplyHead served{.status = found.status,
                               .fields = found.fields,
                               .body = found.body,
                               .version = exchange.message.version,
                               .close = !exchange.message.keep_alive};
  http::ServerTiming timing;
  const std::size_t length =
      http::write_reply_head(served, response_fields(record, turn, worker, timing),
                             {reinterpret_cast<char*>(response.block->bytes), response.block->size});
  if (length == 0) return refuse_request(record, turn, worker, Reason::file_unreadable, {});
  const bool open_ended = found.body.kind == http::Body::Kind::until_eof;
  exchange.log.status = found.status;
  exchange.log.announced = found.source && !open_ended;
  exchange.log.body_length = found.body.length;
  exchange.log.head_down = response.bytes_sent - exchange.sent_down_at_start + length;
  response.end = static_cast<std::uint16_t>(length);
  response.framing = http::Framing{found.source ? found.body : http::Body{}};
  response.encoding = found.source && open_ended && exchange.message.version == http::Version::http11
                          ? net::Encoding::chunked
                          : net::Encoding::plain;
  record.body_source = std::move(found.source);
  charge(record, turn, length);
  append_first_bytes(record, turn, worker);
  return Event::local_response;
}

}  // namespace

Pages::Page make_page(std::string_view type, std::shared_ptr<const std::string> text, std::uint64_t work) {
  return {.text = std::move(text),
          .fields = "Content-Type: " + std::string{type} + "\r\nCache-Control: no-store\r\n",
          .work = work};
}

Pages::Page metrics_page(Worker& worker, const http::Fields& fields) {
  const Pages::MetricsFormat format = preferred_format(fields);
  auto text = worker.pages == nullptr ? std::make_shared<const std::string>() : worker.pages->metrics(format);
  return make_page(kMetricsTypes[static_cast<std::size_t>(format)].content_type, std::move(text),
                   worker.table.touched() / base::Work::kRecordsCounted +
                       std::uint64_t{2} * worker.table.used() * base::Work::kDescriptorCounted);
}

Pages::Page findings_page(Worker& worker, const http::Fields& fields, bool json) {
  json = json || prefers_json(fields);
  Pages::FindingsPage found =
      worker.pages == nullptr ? Pages::FindingsPage{} : worker.pages->findings_page(json);
  if (found.text == nullptr) found.text = std::make_shared<const std::string>();
  Pages::Page page = make_page(json ? Pages::kJsonType : Pages::kPlainType, std::move(found.text),
                               worker.table.touched() / base::Work::kRecordsCounted +
                                   worker.table.used() / base::Work::kRecordsCompared);
  page.fields += found.fields;
  return page;
}

Pages::Page health_page(bool good) {
  static const auto kGood = std::make_shared<const std::string>("ok\n");
  static const auto kDraining = std::make_shared<const std::string>("draining\n");
  Pages::Page page = make_page(Pages::kPlainType, good ? kGood : kDraining);
  page.status = static_cast<std::uint16_t>(good ? 200 : 503);
  return page;
}

Result serve_web(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                 std::size_t head_length, const plan::Plan& plan) noexcept {
  if (is_work(plan.kind) && !may_work(turn, worker)) return yield();
  net::Lane& response = record.lane[kResponse];
  // The response uses the request's block, if no bytes follow in it. Without a second one, a client that
  // pipelines repeats its next request (RFC 9112 section 9.3.2).
  const bool more = record.lane[kRequest].end > head_length;
  if (more && !response.block) response.block = take_for_head(record, turn, worker);
  if (!plan.keep_alive || (more && !response.block)) record.exchange->message.keep_alive = false;
  const http::Body body = head.body;
  files::Answer found = make_web_response(record, worker, head, plan);
  while (found.reason == Reason::no_descriptor && worker.upstreams.close_oldest())
    found = make_web_response(record, worker, head, plan);
  worker.budget.spend(found.work);
  if (found.pending) return yield();
  const bool http10 = record.exchange->message.version == http::Version::http10;
  if (http10 && found.body.kind == http::Body::Kind::until_eof) record.exchange->message.keep_alive = false;
  // After 503 the client must not hold the record that it was refused for.
  if (found.reason != Reason::none && http::error_reply(found.reason).status == 503)
    record.exchange->message.keep_alive = false;
  consume_request(record, body, head_length);  // the views in `head` are invalid now
  if (!response.block) response.block = worker.blocks.take();
  if (!response.block) return close_connection(Reason::no_buffer);  // cannot happen: the request's is free
  if (found.reason != Reason::none) return refuse_request(record, turn, worker, found.reason, found.fields);
  return send_web_response(record, turn, worker, found);
}

}  // namespace state
