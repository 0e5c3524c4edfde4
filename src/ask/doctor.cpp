#include "doctor.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../config/address_text.hpp"
#include "../http/head.hpp"

namespace ask {
namespace {

using std::string;
using std::string_view;

constexpr std::uint64_t kTimeoutMs = 5000;

// ---- the command line ------------------------------------------------------------------------------------

string read_address(string_view text, Question& question) {
  if (!question.where.empty()) return "doctor: expected one address, got " + base::quoted(text) + " too";
  const std::size_t slash = text.find('/');
  const string_view where = text.substr(0, slash);
  std::vector<plan::Listener> places;
  if (!config::parse_listen(where, places) || places.front().address.port == 0)
    return "doctor: invalid address " + base::quoted(text) +
           ": expected [ADDRESS:]PORT[/PATH] with a numeric address or localhost, e.g. 9100 or [::1]:9100";
  if (slash != string_view::npos) question.path = text.substr(slash);
  if (!base::all_are(question.path, base::kVisible))
    return "doctor: invalid path " + base::quoted(question.path) + ": expected visible ASCII characters";
  question.where = (where.find(':') == string_view::npos ? "port " : "") + string{where};
  for (const plan::Listener& place : places) question.addresses.push_back(place.address);
  return {};
}

// ---- what is wrong with a response -----------------------------------------------------------------------

constexpr string_view kGiveMetrics =
    "give the port of --metrics, or of a web server with a route of type doctor";

string without_response(const Question& question, const Fetched& fetched) {
  const string where = question.where;
  switch (fetched.what) {
    case Fetched::What::unreachable:
      if (fetched.error == ECONNREFUSED)
        return "nothing listens at " + where + ": start the proxy with --metrics PORT, and give that port";
      return "cannot connect to " + where + ": " + std::strerror(fetched.error);
    case Fetched::What::silent:
      return where +
             " has sent no response within 5 s: its event loop is blocked, or it is not a web server; " +
             string{kGiveMetrics};
    case Fetched::What::cut_off:
      return where + " closed the connection without a response: it is not a web server; " +
             string{kGiveMetrics};
    default: return where + " sent no HTTP response: it is not a web server; " + string{kGiveMetrics};
  }
}

const http::Field* find_field(const http::ResponseHead& head, string_view name) noexcept {
  for (const http::Field& field : head.fields.all())
    if (base::equals_ignoring_case(field.name, name)) return &field;
  return nullptr;
}

// Reads the number of errors in Proxy-Findings: "error=0, warning=1, note=2". Returns false without one.
bool read_errors(const http::ResponseHead& head, std::uint64_t& errors) noexcept {
  constexpr string_view kErrors = "error=";
  const http::Field* const field = find_field(head, "Proxy-Findings");
  if (field == nullptr || !field->value.starts_with(kErrors)) return false;
  string_view list = field->value.substr(kErrors.size());
  return base::parse_decimal(base::next_element(list), errors);
}

// Nothing in it has an effect on a terminal.
bool is_plain(string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
}

// This proxy names itself in Proxy-Status (RFC 9209) if it is asked as a web server and is none.
string for_status(const Question& question, const http::ResponseHead& head) {
  const bool proxy = find_field(head, "Proxy-Status") != nullptr;
  const string got = question.where + " responded with " + std::to_string(head.status) + " to GET " +
                     base::printable(question.path) + ": ";
  switch (head.status) {
    case 200: return got + "the page is not that of the doctor; " + string{kGiveMetrics};
    case 400:
      return got + (proxy ? "it is a forward proxy. Start the proxy with --metrics PORT, and give that port"
                          : string{kGiveMetrics});
    case 401:
      return got + R"(the page needs a password (--users); give a route with "users": "none" in the file)";
    case 403:
      return got + "this address may not read the page: see --allow, --deny and the route's ip_whitelist";
    case 404:
      return got +
             "it has no such page. Start the proxy with --metrics PORT, or add a route of type doctor "
             "to its file, and give its path: PORT/PATH";
    default: return got + string{kGiveMetrics};
  }
}

}  // namespace

string read_question(std::span<const char* const> arguments, Question& question) {
  for (const string_view argument : arguments) {
    if (argument == "--help" || argument == "-h") {
      question.help = true;
      return {};
    }
    if (argument == "--json") {
      question.json = true;
    } else if (argument.size() > 1 && argument.front() == '-') {
      return "doctor: unknown option " + base::quoted(argument) + ": expected --json or --help";
    } else if (string error = read_address(argument, question); !error.empty()) {
      return error;
    }
  }
  if (question.where.empty())
    return "doctor needs the port of --metrics of a running proxy, e.g. proxy doctor 9100";
  return {};
}

Answer help() {
  constexpr string_view kText =
      "Usage: proxy doctor [--json] [ADDRESS:]PORT[/PATH]\n"
      "Prints what the loop doctor of a running proxy finds: findings that last, findings that have ended,\n"
      "and connections that have waited for 5 s or longer.\n\n"
      "  [ADDRESS:]PORT            that of --metrics, or of a web server with a route of type doctor\n"
      "  PATH                      of the page (default /doctor)\n"
      "  --json                    print the page as JSON\n\n"
      "Example: proxy 8080 --metrics 9100, then: proxy doctor 9100\n"
      "Exit status: 0 if no finding of severity error lasts, 1 if one lasts, 2 if there is no answer.\n";
  return {.status = Answer::kHealthy, .page = string{kText}};
}

string request_for(const Question& question) {
  return "GET " + question.path +
         " HTTP/1.1\r\nHost: " + string{sys::endpoint_text(question.addresses.front()).view()} +
         "\r\nAccept: " + (question.json ? "application/json" : "text/plain") +
         "\r\nConnection: close\r\n\r\n";
}

Answer read_answer(const Question& question, const Fetched& fetched) {
  if (fetched.what != Fetched::What::response) return {.error = without_response(question, fetched)};
  http::ResponseHead head;
  const http::Parsed parsed = http::parse_response(fetched.bytes, 0, false, head);
  const string_view body = string_view{fetched.bytes}.substr(parsed.length);
  std::uint64_t errors = 0;
  if (head.status != 200 || !read_errors(head, errors) || !is_plain(body))
    return {.error = for_status(question, head)};
  return {.status = errors > 0 ? Answer::kErrorLasts : Answer::kHealthy, .page = string{body}};
}

Answer ask_doctor(const Question& question) {
  return read_answer(question, fetch(question.addresses, request_for(question), kTimeoutMs));
}

}  // namespace ask
