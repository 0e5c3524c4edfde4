#include "board.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "../files/conditions.hpp"
#include "../http/forwarded.hpp"
#include "../plan/generation.hpp"
#include "../plan/mistake.hpp"
#include "../state/web.hpp"
#include "json_text.hpp"
#include "names.hpp"
#include "rows.hpp"
#include "slot_page.hpp"
#include "web_files.hpp"

namespace console {

using state::make_page;
using std::string;
using std::string_view;
using Page = Pages::Page;

namespace {

constexpr string_view kAppFolder = "/console/app/";
constexpr string_view kSlotFolder = "/console/slot/";
constexpr string_view kBytesType = "application/octet-stream";
constexpr std::uint64_t kEntriesRead = 200;  // of the trace, for a unit of work

// The page may load only what the board serves, cannot be framed, and puts no text into the document as
// markup.
constexpr string_view kSafety =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types lit-html\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

std::shared_ptr<const string> shared(string text) { return std::make_shared<const string>(std::move(text)); }

Page failure(std::uint16_t status, string sentence) {
  Page made = make_page(Pages::kPlainType, shared(std::move(sentence) + '\n'));
  made.status = status;
  return made;
}

// A hexadecimal number; 0 if the text is none.
std::uint64_t number_of(string_view run_id) noexcept {
  std::uint64_t number = 0;
  std::from_chars(run_id.data(), run_id.data() + run_id.size(), number, 16);
  return number;
}

// A file, which the browser keeps but asks about each time.
Page file_page(const WebFile& file, const http::Fields& fields) {
  const string_view tag = web_files_tag();
  const files::Condition condition = files::evaluate(fields, {.etag = tag}, 0);
  if (condition == files::Condition::failed)
    return failure(412, "If-Match has another entity tag: reload the page.");
  Page made;
  made.fields =
      "Content-Type: " + string{file.type} + "\r\nCache-Control: no-cache\r\nETag: " + string{tag} + "\r\n";
  if (condition == files::Condition::not_modified)
    made.status = 304;
  else
    made.text = shared(string{file.text});
  return made;
}

// As the viewer has addressed the proxy: "localhost:8080".
string asked_host(const http::RequestHead& head) {
  std::array<char, 300> room;
  base::Writer out{room};
  http::put_requested_host(out, http::requested_host(head));
  return string{out.view()};
}

string endpoint_of(const sys::Address& listener) {
  return string{sys::endpoint_text(sys::reached_locally(listener)).view()};
}

}  // namespace

Board::Board(Worker& worker, Surroundings& with) noexcept
    : worker_(worker), with_(with), run_(number_of(worker.run_id)), cells_(run_), heads_(worker) {}

// ---- which page -------------------------------------------------------------------------------------------

struct Board::Request {
  const http::RequestHead& head;
  const request_info& viewer;
  string_view path;   // "/console/steps"
  string_view query;  // after the "?"
};

struct Board::Row {
  string_view path;
  Page (Board::*respond)(const Request&);
  bool of_file = false;  // also of a record file
};

Page Board::page_of(const Request& request) {
  static constexpr std::array kRows{
      Row{"/", &Board::front, true},
      Row{"/proxy.pac", &Board::pac},
      Row{"/console/hello.json", &Board::hello, true},
      Row{"/console/names.json", &Board::names, true},
      Row{"/console/cells", &Board::cells},
      Row{"/console/steps", &Board::steps},
      Row{"/console/turns", &Board::turns},
      Row{"/console/requests", &Board::requests},
      Row{"/console/record", &Board::record, true},
      Row{"/console/findings.json", &Board::doctor},
      Row{"/metrics", &Board::metrics},
      Row{"/doctor", &Board::doctor},
      Row{"/doctor.json", &Board::doctor},
      Row{"/healthz", &Board::health},
      Row{"/readyz", &Board::health},
  };
  const auto* const found =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.path == request.path; });
  if (file_ && !(found != kRows.end() ? found->of_file : request.path.starts_with(kAppFolder)))
    return failure(404, "A record file has no such page: it shows " + file_->name + '.');
  if (found != kRows.end()) return (this->*found->respond)(request);
  if (request.path.starts_with(kAppFolder)) return app(request);
  if (request.path.starts_with(kSlotFolder)) return slot(request);
  return failure(404, "The board has no such page. It begins at /.");
}

Page Board::respond(const http::RequestHead& head, const request_info& viewer) {
  const std::size_t question = std::min(head.path.find('?'), head.path.size());
  Request request{head, viewer, head.path.substr(0, question), {}};
  if (question < head.path.size()) request.query = head.path.substr(question + 1);
  if (request.path.empty()) request.path = "/";
  record_.expire(worker_.now);
  Page made = page_of(request);
  made.fields += kSafety;
  return made;
}

// ---- the pages --------------------------------------------------------------------------------------------

Page Board::front(const Request& request) {
  return file_page(*find_web_file("index.html"), request.head.fields);
}

Page Board::app(const Request& request) {
  const WebFile* const file = find_web_file(request.path.substr(kAppFolder.size()));
  return file == nullptr ? failure(404, "The board has no such file.")
                         : file_page(*file, request.head.fields);
}

std::optional<sys::Address> Board::forward_listener() const noexcept {
  for (const plan::ThisMachine::Entry& entry : worker_.machine.listeners())
    if (entry.role == plan::Role::forward) return entry.address;
  return std::nullopt;
}

// Automatic configuration of a browser: everything through the proxy, except what is on this machine.
Page Board::pac(const Request&) {
  const auto listener = forward_listener();
  if (!listener) return failure(404, "There is no forward proxy here to set up in a browser.");
  const string endpoint = endpoint_of(*listener);
  return make_page(
      "application/x-ns-proxy-autoconfig",
      shared("function FindProxyForURL(url, host) {\n"
             "  if (host === \"localhost\" || host === \"[::1]\" || /^127(\\.\\d+){3}$/.test(host))\n"
             "    return \"DIRECT\";\n"
             "  return \"PROXY " +
             endpoint + "\";\n}\n"));
}

// As the program that wrote the file would have said it.
Page Board::hello_of_file(const Request& request) const {
  const record::Head& head = file_->recording.head;
  JsonText out;
  out.open('{').member("mode", "file").member("version", head.version).member("build", head.build);
  out.member("run_id", head.run_id).member("address", asked_host(request.head));
  out.name("proxy").raw("null").member("pid", head.pid).name("uptime_ms").raw("null");
  out.member("slots", head.slots).member("trace_entries", file_->recording.entries.size());
  out.member("clock_us", head.clock_us).member("wall_ms", head.wall_ms);
  out.name("mistake").raw("null").name("lens").string_or_null(head.lens);
  out.member("file", file_->name).member("reason", head.reason);
  return make_page(Pages::kJsonType, shared(out.close('}').take() + '\n'));
}

void Board::show(ShownFile file) {
  file_ = std::move(file);
  names_ = shared(names_json(file_->recording.names.view()));
}

Page Board::hello(const Request& request) {
  if (file_) return hello_of_file(request);
  const plan::Config& config = worker_.current->config;
  const auto listener = forward_listener();
  JsonText out;
  out.open('{').member("mode", "live").member("version", plan::kVersion);
  out.member("build", string{plan::kCompiler} + ", build ID " + sys::build_id());
  out.member("run_id", worker_.run_id).member("address", asked_host(request.head));
  out.name("proxy").string_or_null(listener ? endpoint_of(*listener) : string{});
  out.member("pid", sys::process_id()).member("uptime_ms", with_.uptime_ms());
  out.member("slots", worker_.table.slots()).member("trace_entries", worker_.trace.capacity());
  out.member("clock_us", with_.now_us()).member("wall_ms", worker_.wall_ms);
  out.name("mistake").string_or_null(plan::built_in_mistake());
  out.name("lens").string_or_null(config.lens.text);
  out.name("file").raw("null").name("reason").raw("null");
  return make_page(Pages::kJsonType, shared(out.close('}').take() + '\n'));
}

Page Board::names(const Request&) {
  if (names_ == nullptr) names_ = shared(names_json(watch::built_in_names()));
  return make_page(Pages::kJsonType, names_);
}

// ---- the data ---------------------------------------------------------------------------------------------

// Calls `respond` with the query, and makes the page of its bytes. Counts as a poll.
template <class Respond>
Page Board::data(const Request& request, const QueryBounds& bounds, Respond respond) {
  const std::optional<Query> query = parse_query(request.query, bounds);
  if (!query) return failure(400, query_help(bounds));
  viewers_.polled(request.viewer.id, worker_.now);
  heads_.watch();
  std::uint64_t work = 0;
  string bytes = respond(*query, work);
  return make_page(kBytesType, shared(std::move(bytes)), work);
}

// Returns the units of work that this took.
std::uint64_t Board::read_trace() { return tally_.read(worker_.trace, with_.turn_position()) / kEntriesRead; }

// A browser that asks for the board itself through the proxy uses it.
bool Board::is_proxied(const Request& request) const noexcept {
  const http::Field* const agent = request.head.fields.find(http::FieldName::user_agent);
  return request.head.form == http::TargetForm::absolute ||
         heads_.has_seen(request.viewer.client, agent == nullptr ? string_view{} : agent->value);
}

void Board::fill(CellsHead& head, const Request& request, std::uint64_t turns) const {
  const watch::FindingLog& findings = with_.findings();
  for (const watch::FindingRow& row : watch::kFindingRows)
    head.findings += findings[row.finding].lasts ? 1 : 0;
  head.now_us = with_.now_us();
  head.run = run_;
  head.position = with_.turn_position();
  head.oldest = std::min(worker_.trace.oldest(), head.position);
  head.turns = turns;
  head.requests = with_.notes().next();
  head.slots = static_cast<std::uint32_t>(worker_.table.slots());
  head.next_ms = viewers_.next_ms(worker_.now);
  head.flags = static_cast<std::uint16_t>((is_proxied(request) ? CellsHead::kProxied : 0) |
                                          (worker_.draining ? CellsHead::kDraining : 0));
  head.transitions = static_cast<std::uint16_t>(kTransitions.size());
}

Page Board::cells(const Request& request) {
  return data(request, {.since_most = UINT32_MAX}, [&](const Query& query, std::uint64_t& work) {
    work = read_trace() +
           cells_.scan(worker_.table, with_.findings(), worker_.now) / base::Work::kRecordsCompared;
    CellsHead head;
    fill(head, request, tally_.next());
    string cells;
    cells_.append_since(static_cast<std::uint32_t>(query.since), head, cells);
    work += worker_.table.touched() / base::Work::kRecordsCounted;
    string bytes{reinterpret_cast<const char*>(&head), sizeof head};
    bytes.append(reinterpret_cast<const char*>(tally_.transitions().data()), sizeof tally_.transitions());
    return bytes += cells;
  });
}

Page Board::steps(const Request& request) {
  const auto slots = static_cast<std::uint32_t>(worker_.table.slots());
  return data(request, {.slots = slots}, [this](const Query& query, std::uint64_t& work) {
    Rows rows = console::steps(worker_.trace, with_.turn_position(), query.since, query.slot);
    work = rows.looked_at / kEntriesRead;
    return std::move(rows.bytes);
  });
}

Page Board::turns(const Request& request) {
  return data(request, {}, [this](const Query& query, std::uint64_t& work) {
    work = read_trace();
    return console::turns(tally_, query.since);
  });
}

Page Board::requests(const Request& request) {
  return data(request, {}, [this](const Query& query, std::uint64_t&) {
    return console::requests(with_.notes(), query.since);
  });
}

Page Board::slot(const Request& request) {
  std::uint32_t slot = 0;
  if (!base::parse_decimal(request.path.substr(kSlotFolder.size()), slot) || slot >= worker_.table.slots())
    return failure(404, "There is no such slot: the table has the slots 0 to " +
                            std::to_string(worker_.table.slots() - 1) + '.');
  heads_.watch();
  constexpr std::uint64_t kAsked = 10;  // units: calls about two sockets
  return make_page(Pages::kJsonType, shared(slot_json(worker_, slot, heads_)), kAsked);
}

// While the file is not whole, the page is pending.
Page Board::record(const Request&) {
  const string name = file_ ? string{"recording"} : "proxy-" + string{worker_.run_id};
  constexpr std::uint64_t kBytesWritten = 1024;  // for a unit of work
  std::uint64_t written = 0;
  auto file = file_ ? file_->bytes
                    : record_.get(worker_.now, worker_.waits, written,
                                  [this](record::Output& out, record::Progress& at) {
                                    return with_.write_record(out, at);
                                  });
  const bool pending = file == nullptr;
  Page made = make_page(kBytesType, std::move(file), written / kBytesWritten);
  made.pending = pending;
  made.fields += "Content-Disposition: attachment; filename=" + name + ".pxr\r\n";
  return made;
}

Page Board::doctor(const Request& request) {
  return state::findings_page(worker_, request.head.fields, request.path.ends_with(".json"));
}

Page Board::metrics(const Request& request) { return state::metrics_page(worker_, request.head.fields); }

// NOLINTNEXTLINE(readability-make-member-function-const): a row of the table, as the others
Page Board::health(const Request& request) {
  return state::health_page(request.path == "/healthz" || !worker_.stopping());
}

}  // namespace console
