// A web server's own answers: files, redirects, and what is told of the program.
#include <algorithm>
#include <memory>
#include <utility>

#include "../files/body_sources.hpp"
#include "../http/reply.hpp"
#include "parts.hpp"

namespace state {

namespace {

files::Answer redirect(const plan::WebRoute& route) {
  files::Answer answer;
  answer.status = route.status;
  answer.fields = "Location: " + route.location + "\r\n";
  answer.body = {http::Body::Kind::length, 0};
  return answer;
}

bool wants_json(const http::Fields& fields) noexcept {
  return std::any_of(fields.all().begin(), fields.all().end(), [](const http::Field& field) {
    return field.id == http::FieldName::accept &&
           field.value.find("application/json") != std::string_view::npos;
  });
}

files::Answer metrics(const Worker& worker, const http::RequestHead& head) {
  files::Answer answer;
  if (head.method != "GET" && head.method != "HEAD") {
    answer.reason = Reason::method_not_allowed;
    answer.fields = "Allow: GET, HEAD\r\n";
    return answer;
  }
  const bool json = wants_json(head.fields);
  auto text = std::make_shared<const std::string>(worker.pages == nullptr ? std::string{}
                                                                          : worker.pages->metrics(json));
  answer.fields = "Content-Type: " + std::string{json ? Pages::kJsonType : Pages::kTextType} + "\r\n";
  answer.body = {http::Body::Kind::length, text->size()};
  const std::uint64_t length = text->size();
  if (head.method != "HEAD" && length > 0)
    answer.feed = files::whole_file_source({std::move(text), {}}, length);
  return answer;
}

files::Answer make_answer(const Worker& worker, const http::RequestHead& head, const plan::Plan& decided) {
  switch (decided.kind) {
    case plan::Kind::files:
      return worker.files->answer(*decided.route, head, decided.file, worker.now, worker.wall_ms);
    case plan::Kind::redirect: return redirect(*decided.route);
    case plan::Kind::metrics: return metrics(worker, head);
    default: break;
  }
  files::Answer answer;
  answer.reason = decided.reason;
  return answer;
}

// The request ends with its head, and what lies behind it is the next one. A body is not read: then the
// connection ends with the answer.
void take_in(request_info& record, const http::Body& body, std::size_t head_length) noexcept {
  net::Lane& request = record.lane[kRequest];
  Exchange& exchange = *record.exchange;
  const std::size_t behind = request.end - head_length;
  request.framing = http::Framing{body};
  request.sink_closed = !request.framing.complete();
  exchange.persistent &= !request.sink_closed;
  exchange.may_continue |= behind > 0;
  if (behind == 0 || !exchange.persistent) return request.drop_block();
  request.pipelined_end = request.end;
  request.begin = request.end = static_cast<std::uint16_t>(head_length);
}

// What lies in memory goes with the head: one send carries both.
void add_first_piece(request_info& record) noexcept {
  net::Lane& response = record.lane[kResponse];
  if (!record.feed || response.encoding != net::Encoding::plain || record.feed->range().fd >= 0) return;
  const std::size_t room = response.framing.wanted(base::kBlockBytes - response.end);
  const base::BodySource::Produced made = record.feed->produce({response.block->bytes + response.end, room});
  if (made.got != base::BodySource::Got::some) return;
  response.framing.pass(made.bytes);
  response.end = static_cast<std::uint16_t>(response.end + made.bytes);
}

Result send_answer(request_info& record, Turn& turn, Worker& worker, files::Answer& found) noexcept {
  net::Lane& response = record.lane[kResponse];
  Exchange& exchange = *record.exchange;
  const http::ReplyHead served{.status = found.status,
                            .fields = found.fields,
                            .body = found.body,
                            .version = exchange.version,
                            .close = !exchange.persistent};
  const std::size_t length = http::write_reply_head(
      served, {turn.via(), worker.date}, {reinterpret_cast<char*>(response.block->bytes), base::kBlockBytes});
  if (length == 0) return refuse(record, turn, worker, Reason::file_unreadable, {});
  const bool open_ended = found.body.kind == http::Body::Kind::until_eof;
  exchange.status = found.status;
  exchange.announced = found.feed && !open_ended;
  exchange.body_length = found.body.length;
  exchange.head_down = response.bytes_sent - exchange.sent_down + length;
  response.end = static_cast<std::uint16_t>(length);
  response.framing = http::Framing{found.feed ? found.body : http::Body{}};
  response.encoding = found.feed && open_ended && exchange.version == http::Version::http11
                          ? net::Encoding::chunked
                          : net::Encoding::plain;
  record.feed = std::move(found.feed);
  add_first_piece(record);
  return Event::local_response;
}

}  // namespace

bool make_room_for_file(Worker& worker, Reason why) noexcept {
  return why == Reason::no_descriptor && worker.upstreams.close_oldest();
}

bool reserve_answer(request_info& record, Worker& worker) noexcept {
  net::Lane& response = record.lane[kResponse];
  if (!response.block) response.block = worker.blocks.take();
  return response.block != nullptr;
}

Result serve(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
             std::size_t head_length, const plan::Plan& decided) noexcept {
  record.exchange->persistent &= decided.keep_alive;
  const http::Body body = head.body;
  files::Answer found = make_answer(worker, head, decided);
  while (make_room_for_file(worker, found.reason)) found = make_answer(worker, head, decided);
  take_in(record, body, head_length);  // the views in `head` are gone
  if (found.reason != Reason::none) return refuse(record, turn, worker, found.reason, found.fields);
  return send_answer(record, turn, worker, found);
}

}  // namespace state
