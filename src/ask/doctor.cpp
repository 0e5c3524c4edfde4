#include "doctor.hpp"

#include <algorithm>
#include <utility>

#include "../base/text.hpp"
#include "../config/command_line.hpp"
#include "../http/head.hpp"
#include "configured.hpp"
#include "failure.hpp"

namespace ask {
namespace {

using std::string;
using std::string_view;

constexpr std::uint64_t kTimeoutMs = 5000;

// ---- the command line ------------------------------------------------------------------------------------

string read_address(string_view text, Question& question) {
  if (!question.proxy.addresses.empty())
    return "doctor: expected one address, got " + base::quoted(text) + " too";
  if (config::is_configuration(text)) {
    const string error = read_configured(text, Wanted::doctor, question.proxy, question.path);
    return error.empty() ? error : "doctor: " + error;
  }
  const std::size_t slash = text.find('/');
  if (!read_proxy_address(text.substr(0, slash), question.proxy))
    return "doctor: invalid address " + base::quoted(text) +
           ": expected [ADDRESS:]PORT[/PATH] with a numeric address or localhost, e.g. 9100 or [::1]:9100, "
           "or an existing configuration file";
  if (slash != string_view::npos) question.path = text.substr(slash);
  if (!base::all_are(question.path, base::kVisible))
    return "doctor: invalid path " + base::quoted(question.path) + ": expected visible ASCII characters";
  return {};
}

// ---- what is wrong with a response -----------------------------------------------------------------------

constexpr string_view kGivePort =
    "give the port of the proxy, of --metrics, or of a web server with a route of type doctor";

// Reads the number of errors in Proxy-Findings: "error=0, warning=1, note=2". Returns false without one.
bool read_errors(const http::ResponseHead& head, std::uint64_t& errors) noexcept {
  constexpr string_view kErrors = "error=";
  const http::Field* const field = head.fields.find("Proxy-Findings");
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
  const bool proxy = head.fields.find("Proxy-Status") != nullptr;
  const string got = question.proxy.name + " responded with " + std::to_string(head.status) + " to GET " +
                     base::printable(question.path) + ": ";
  switch (head.status) {
    case 200: return got + "the page is not that of the doctor; " + string{kGivePort};
    case 400:
      return got + (proxy ? "it is a forward proxy. Start the proxy with --metrics PORT, and give that port"
                          : string{kGivePort});
    case 401: return got + password_advice(question.proxy);
    case 403:
      return got + "this address may not read the page: see --allow, --deny and the route's ip_whitelist";
    case 404:
      return got +
             "it has no such page. Start the proxy with --metrics PORT, or add a route of type doctor "
             "to its file, and give its path: PORT/PATH";
    default: return got + string{kGivePort};
  }
}

}  // namespace

string read_question(std::span<const char* const> arguments, Question& question) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      question.help = true;
      return {};
    }
    if (argument == "--json") {
      question.json = true;
    } else if (is_user_option(argument)) {
      if (string error = read_user(arguments, i, question.proxy); !error.empty()) return "doctor: " + error;
    } else if (argument.size() > 1 && argument.front() == '-') {
      return "doctor: unknown option " + base::quoted(argument) + ": expected --json, --user or --help";
    } else if (string error = read_address(argument, question); !error.empty()) {
      return error;
    }
  }
  if (question.proxy.addresses.empty())
    return "doctor needs the port or the configuration file of a running proxy, e.g. proxy doctor 8080";
  return {};
}

Answer help() {
  constexpr string_view kText =
      "Usage: proxy doctor [--json] [--user NAME] [ADDRESS:]PORT[/PATH]\n"
      "       proxy doctor [--json] [--user NAME] FILE\n"
      "Prints what the loop doctor of a running proxy finds: findings that last, findings that have ended,\n"
      "and connections that have waited for 5 s or longer.\n\n"
      "  [ADDRESS:]PORT            of the proxy, of --metrics, or of a web server with a route of type "
      "doctor\n"
      "  PATH                      of the page (default /doctor)\n"
      "  FILE                      the configuration of the proxy: its first listener that has the page\n"
      "  --json                    print the page as JSON\n"
      "  --user NAME               of --users; the password is the environment variable PROXY_PASSWORD\n\n"
      "Example: proxy 8080, then: proxy doctor 8080\n"
      "Exit status: 0 if no finding of severity error lasts, 1 if one lasts, 2 if no answer can be "
      "printed.\n";
  return {.status = Answer::kHealthy, .page = string{kText}};
}

string request_for(const Question& question) {
  return get(question.proxy, question.path,
             question.json ? "Accept: application/json\r\nConnection: close\r\n"
                           : "Accept: text/plain\r\nConnection: close\r\n");
}

Answer read_answer(const Question& question, const Fetched& fetched) {
  if (fetched.what != Fetched::What::response) return {.error = failure_of(question.proxy, fetched)};
  http::ResponseHead head;
  const http::Parsed parsed = http::parse_response(fetched.bytes, 0, false, head);
  const string_view body = string_view{fetched.bytes}.substr(parsed.length);
  std::uint64_t errors = 0;
  if (head.status != 200 || !read_errors(head, errors) || !is_plain(body))
    return {.error = for_status(question, head)};
  return {.status = errors > 0 ? Answer::kErrorLasts : Answer::kHealthy, .page = string{body}};
}

Answer ask_doctor(std::span<const char* const> arguments) {
  Question question;
  if (string error = read_question(arguments, question); !error.empty()) return {.error = std::move(error)};
  if (question.help) return help();
  return read_answer(question, fetch(question.proxy.addresses, request_for(question), kTimeoutMs));
}

}  // namespace ask
