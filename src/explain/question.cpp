#include "question.hpp"

#include <algorithm>

#include "../base/text.hpp"
#include "../http/methods.hpp"
#include "../http/url_path.hpp"
#include "../plan/description.hpp"

namespace explain {
namespace {

using std::string;
using std::string_view;

bool has_blank_or_control(string_view text) noexcept {
  return base::has_control(text) || text.find(' ') != string_view::npos;
}

// The head is written from these texts, so each must stay one element of it. Returns the error.
string check(const Question& question) {
  if (question.method.empty() || has_blank_or_control(question.method))
    return "invalid method " + base::quoted(question.method) + ": expected no blanks or control characters";
  if (question.url.empty() || has_blank_or_control(question.url))
    return "invalid URL " + base::quoted(question.url) + ": expected no blanks or control characters";
  for (const string& field : question.fields) {
    const std::size_t colon = field.find(':');
    if (colon == 0 || colon == string::npos || has_blank_or_control(field.substr(0, colon)) ||
        base::has_control(field))
      return "invalid header field " + base::quoted(field) +
             ": expected NAME: VALUE, without control characters and without blanks in NAME";
  }
  return {};
}

// The URL without userinfo, which browsers and curl remove too.
string shown_url(const Question& question) {
  const http::PublicUrl shown = http::without_userinfo(question.url);
  return string{shown.before} + string{shown.after};
}

// The places in a URL: where its host begins, and where it ends.
struct HostPlace {
  std::size_t begin, end;
};
HostPlace host_place(string_view url) noexcept {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == string_view::npos ? 0 : scheme + 3;
  return {begin, std::min(url.find_first_of("/?#", begin), url.size())};
}

struct Field {
  string_view name, value;
};

// With those fields of a usual client that the question does not give.
string head(const Question& question, const string& target, std::initializer_list<Field> usual) {
  string out = question.method + " " + target + " HTTP/1.1\r\n";
  const auto given = [&question](string_view name) {
    return std::any_of(question.fields.begin(), question.fields.end(), [name](const string& field) {
      return field.size() > name.size() && field[name.size()] == ':' &&
             base::equals_ignoring_case(string_view{field}.substr(0, name.size()), name);
    });
  };
  for (const Field& field : usual)
    if (!given(field.name)) out += string{field.name} + ": " + string{field.value} + "\r\n";
  for (const string& field : question.fields) out += field + "\r\n";
  return out + "\r\n";
}

}  // namespace

string head_to_proxy(const Question& question) {
  const string url = shown_url(question);
  const HostPlace host = host_place(url);
  return head(question, url,
              {{"Host", string_view{url}.substr(host.begin, host.end - host.begin)},
               {"User-Agent", "explain"},
               {"Accept", "*/*"},
               {"Proxy-Connection", "Keep-Alive"}});
}

string head_to_server(const Question& question) {
  const string url = shown_url(question);
  const HostPlace host = host_place(url);
  const string path = url.substr(host.end, url.find('#', host.end) - host.end);
  return head(question, path.starts_with('/') ? path : "/" + path,
              {{"Host", string_view{url}.substr(host.begin, host.end - host.begin)},
               {"User-Agent", "explain"},
               {"Accept", "*/*"}});
}

string read_question(std::span<const char* const> arguments, Question& question,
                     std::vector<const char*>& rest) {
  std::vector<const char*> words;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const string_view argument = arguments[i];
    const bool has_value = i + 1 < arguments.size();
    if (argument == "--help" || argument == "-h") {
      question.help = true;
      return {};
    }
    if (argument == "--client" && has_value) {
      if (!sys::parse_ip(arguments[++i], 50'000, question.client))
        return string{"--client: '"} + arguments[i] + "' is not a numeric address, e.g. 192.168.1.7";
    } else if (argument == "--user" && has_value) {
      question.user = arguments[++i];
    } else if (argument == "-H" && has_value) {
      question.fields.emplace_back(arguments[++i]);
    } else if (argument.size() > 1 && argument.front() == '-') {
      rest.push_back(arguments[i]);
      if (config::takes_value(argument) && has_value) rest.push_back(arguments[++i]);
    } else {
      words.push_back(arguments[i]);
    }
  }
  if (words.size() == 3 && string_view{words[1]}.find_first_of(":/") == string_view::npos &&
      !http::is_registered_method(words[0])) {
    rest.push_back(words[0]);
    words.erase(words.begin());
  }
  if (words.size() > 2)
    return "explain: unexpected argument " + base::quoted(words.back()) +
           ": expected [PORT | FILE] METHOD URL";
  if (words.size() != 2)
    return "explain needs a method and a URL, e.g. proxy explain GET http://example.com/";
  question.method = words[0];
  question.url = words[1];
  return check(question);
}

config::CommandLine parse_options(std::vector<const char*> options) {
  config::CommandLine line = config::parse_command_line(options);
  const bool has_file = !line.config.file.empty() && !line.config.listeners.empty();
  if (has_file || plan::forward_listener(line.config) != nullptr) return line;
  options.push_back("0");
  return config::parse_command_line(options);
}

string_view help_text() noexcept {
  return "Usage: proxy explain [OPTION]... [--client ADDRESS] [--user NAME] [-H FIELD]... [PORT | FILE] "
         "METHOD URL\n"
         "Shows how the proxy would handle a request, and sends nothing to the host: the deciding rule, the\n"
         "addresses, the timeouts, and each changed header field with the RFC section that requires it.\n"
         "A URL that leads to a web server of the configuration is a request to that server: site, route,\n"
         "file or servers.\n\n"
         "  PORT | FILE       of the proxy: its port, or its configuration file\n"
         "  OPTION            an option of the proxy, such as --deny RULE; proxy --help lists them\n"
         "  --client ADDRESS  the client's address (default 127.0.0.1)\n"
         "  --user NAME       the user of --users\n"
         "  -H FIELD          a header field of the request, NAME: VALUE; repeatable\n\n"
         "Example: proxy explain --deny to=::1 GET http://localhost:3000/\n"
         "         proxy explain proxy.json GET http://localhost:8081/index.html\n"
         "Exit status: 0, 1 if the output cannot be written, or 2 for wrong usage.\n";
}

}  // namespace explain
