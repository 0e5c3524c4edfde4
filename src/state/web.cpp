#include "web.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "../files/body_sources.hpp"
#include "../files/server.hpp"
#include "../http/accept.hpp"
#include "../http/methods.hpp"
#include "../http/reply.hpp"
#include "../http/url_path.hpp"
#include "blocks.hpp"
#include "bookkeeping.hpp"

using base::Reason;

namespace state {

namespace {

// The path as the client wrote it. Its first "/" is the only one, so that it cannot be read as "//host".
std::string path_of(std::string_view target) {
  constexpr std::string_view kInPath = "!$&'()*+,;=:@/%";
  std::string_view path = target.substr(0, target.find('?'));
  while (path.starts_with('/') || path.starts_with('\\')) path.remove_prefix(1);
  return '/' + http::percent_encoded(path, kInPath);
}

// The query, with the "?" or "&" before it that `url` needs. Without a query, removes such a character from
// the end of `url`.
std::string query_of(std::string_view target, std::string& url) {
  constexpr std::string_view kInQuery = "!$&'()*+,;=:@/?%";
  const bool begins = url.ends_with('?') || url.ends_with('&');
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) {
    if (begins) url.pop_back();
    return {};
  }
  const bool is_value = begins || url.ends_with('=');
  const std::string_view before = is_value ? "" : url.find('?') == std::string::npos ? "?" : "&";
  return std::string{before} + http::percent_encoded(target.substr(question + 1), kInQuery);
}

std::string location(std::string_view pattern, std::string_view target) {
  constexpr std::string_view kPath = "{path}", kQuery = "{query}";
  std::string url;
  while (!pattern.empty()) {
    const bool path = pattern.starts_with(kPath), query = pattern.starts_with(kQuery);
    if (path) url += path_of(target);
    if (query) url += query_of(target, url);
    if (!path && !query) url += pattern.front();
    pattern.remove_prefix(path ? kPath.size() : query ? kQuery.size() : 1);
  }
  return url;
}

files::Answer redirect(const plan::WebRoute& route, const http::RequestHead& head) {
  files::Answer answer;
  answer.status = route.status;
  answer.fields = "Location: " + location(route.location, head.path) + "\r\n";
  answer.body = {http::Body::Kind::length, 0};
  return answer;
}

// A page of the proxy itself.
struct Page {
  std::uint16_t status = 200;
  std::string_view type{};
  std::shared_ptr<const std::string> text{};
  std::string fields{};
  std::uint64_t work = 0;  // besides that for the text
};

Page metrics(Worker& worker, const http::RequestHead& head) {
  const bool json = http::prefers(head.fields, "application/json", "text/plain");
  auto text = worker.pages == nullptr ? std::make_shared<const std::string>() : worker.pages->metrics(json);
  return {.type = json ? Pages::kJsonType : Pages::kTextType,
          .text = std::move(text),
          .work = worker.table.touched() / base::Work::kRecordsCounted +
                  std::uint64_t{2} * worker.table.used() * base::Work::kDescriptorCounted};
}

Page health(bool good) {
  static const auto kGood = std::make_shared<const std::string>("ok\n");
  static const auto kDraining = std::make_shared<const std::string>("draining\n");
  return {.status = static_cast<std::uint16_t>(good ? 200 : 503),
          .type = Pages::kPlainType,
          .text = good ? kGood : kDraining};
}

// As JSON also at a path such as /doctor.json, for a browser.
Page findings(Worker& worker, const http::RequestHead& head, const plan::WebRoute& route) {
  const bool json =
      route.prefix.ends_with(".json") || http::prefers(head.fields, "application/json", "text/plain");
  Pages::FindingsPage page =
      worker.pages == nullptr ? Pages::FindingsPage{} : worker.pages->findings_page(json);
  if (page.text == nullptr) page.text = std::make_shared<const std::string>();
  return {.type = json ? Pages::kJsonType : Pages::kPlainType,
          .text = std::move(page.text),
          .fields = std::move(page.fields),
          .work = worker.table.touched() / base::Work::kRecordsCounted +
                  worker.table.used() / base::Work::kRecordsCompared};
}

Page page_of(Worker& worker, const http::RequestHead& head, const plan::Plan& plan) {
  const plan::Kind kind = plan.kind;
  if (kind == plan::Kind::metrics) return metrics(worker, head);
  if (kind == plan::Kind::doctor) return findings(worker, head, *plan.route);
  return health(kind == plan::Kind::health || !worker.draining);
}

files::Answer send_page(Worker& worker, const http::RequestHead& head, const plan::Plan& plan) {
  files::Answer answer;
  if (head.method != "GET" && head.method != "HEAD") {
    const bool known = http::is_registered_method(head.method);
    answer.reason = known ? Reason::method_not_allowed : Reason::unknown_method;
    if (known) answer.fields = "Allow: GET, HEAD\r\n";
    return answer;
  }
  Page page = page_of(worker, head, plan);
  const std::uint64_t length = page.text->size();
  answer.status = page.status;
  answer.fields = "Content-Type: " + std::string{page.type} + "\r\nCache-Control: no-store\r\n" + page.fields;
  answer.body = {http::Body::Kind::length, length};
  answer.work = page.work + length / base::Work::kTextBytes;
  if (head.method != "HEAD" && length > 0)
    answer.feed = files::whole_file_source({std::move(page.text), {}}, length);
  return answer;
}

// The response costs more than its bytes.
constexpr bool is_work(plan::Kind kind) noexcept {
  return kind == plan::Kind::files || kind == plan::Kind::metrics || kind == plan::Kind::doctor;
}

files::Answer make_web_response(Worker& worker, const http::RequestHead& head, const plan::Plan& plan) {
  switch (plan.kind) {
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
  exchange.log.announced = found.feed && !open_ended;
  exchange.log.body_length = found.body.length;
  exchange.log.head_down = response.bytes_sent - exchange.sent_down_at_start + length;
  response.end = static_cast<std::uint16_t>(length);
  response.framing = http::Framing{found.feed ? found.body : http::Body{}};
  response.encoding = found.feed && open_ended && exchange.message.version == http::Version::http11
                          ? net::Encoding::chunked
                          : net::Encoding::plain;
  record.body_source = std::move(found.feed);
  charge(record, turn, length);
  append_first_bytes(record, turn, worker);
  return Event::local_response;
}

}  // namespace

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
  files::Answer found = make_web_response(worker, head, plan);
  while (found.reason == Reason::no_descriptor && worker.upstreams.close_oldest())
    found = make_web_response(worker, head, plan);
  worker.budget.spend(found.work);
  const bool http10 = record.exchange->message.version == http::Version::http10;
  if (http10 && found.body.kind == http::Body::Kind::until_eof) record.exchange->message.keep_alive = false;
  consume_request(record, body, head_length);  // the views in `head` are invalid now
  if (!response.block) response.block = worker.blocks.take();
  if (!response.block) return close_connection(Reason::no_buffer);  // cannot happen: the request's is free
  if (found.reason != Reason::none) return refuse_request(record, turn, worker, found.reason, found.fields);
  return send_web_response(record, turn, worker, found);
}

}  // namespace state
