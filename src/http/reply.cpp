#include "reply.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "../base/escape.hpp"
#include "accept.hpp"
#include "basic_auth.hpp"
#include "server_timing.hpp"
#include "status.hpp"
#include "url_path.hpp"

namespace http {
namespace {

using base::Reason;
using base::Writer;
using std::string_view;

constexpr std::size_t kErrorHeadMax = 720 + kServerTimingMax;  // with the longest sentence in Proxy-Status

// ---- text and HTML --------------------------------------------------------------------------------------

// The text between the parts of a body, in ASCII.
struct Look {
  string_view type;
  string_view begin, title_again;  // before the title; before its repetition in HTML
  string_view sentence, row;       // before the sentence; before each row
  string_view value, row_end;      // between a row's name and its value; after it
  string_view end;
  bool entities;  // escape markup as character references
};

constexpr Look kPlain{
    .type = "text/plain; charset=us-ascii",
    .begin = "",
    .title_again = "",
    .sentence = "\n\n",
    .row = "",
    .value = ": ",
    .row_end = "\n",
    .end = "",
    .entities = false,
};

constexpr Look kPage{
    .type = "text/html; charset=us-ascii",
    .begin =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"us-ascii\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<style>body{font:1rem/1.5 sans-serif;max-width:45rem;margin:3rem auto;padding:0 1rem}"
        "td{padding:0 1rem .3rem 0;vertical-align:top;overflow-wrap:anywhere}</style>\n<title>",
    .title_again = "</title>\n</head>\n<body>\n<h1>",
    .sentence = "</h1>\n<p>",
    .row = "<tr><td>",
    .value = "<td>",
    .row_end = "\n",
    .end = "</table>\n</body>\n</html>\n",
    .entities = true,
};

class Page {
 public:
  Page(const Look& look, std::span<char> room) noexcept : look_(look), out_(room) {}

  void head(string_view title, string_view sentence) noexcept {
    put(out_ << look_.begin, title);
    if (!look_.title_again.empty()) put(out_ << look_.title_again, title);
    put(out_ << look_.sentence, sentence);
    out_ << (look_.entities ? "</p>\n<table>\n" : "\n");
  }
  void row(string_view name, string_view value) noexcept {
    if (value.empty()) return;
    put(out_ << look_.row, name);
    put(out_ << look_.value, value);
    out_ << look_.row_end;
  }
  [[nodiscard]] string_view finish() noexcept { return (out_ << look_.end).view(); }

 private:
  void put(Writer& out, string_view text) const noexcept {
    for (const char c : text) {
      const string_view reference = look_.entities ? base::html_reference(c) : string_view{};
      if (!reference.empty())
        out << reference;
      else
        out << (c == ' ' || base::is(c, base::kVisible) ? c : '?');
    }
  }

  const Look& look_;
  Writer out_;
};

// ---- the body --------------------------------------------------------------------------------------------

// "Connection refused (ECONNREFUSED)".
void put_error(Writer& out, int error) noexcept {
  base::put_error_name(out << string_view{std::strerror(error)} << " (", error);
  out << ')';
}

string_view words(int error, std::span<char> room) noexcept {
  Writer out{room};
  if (error != 0) put_error(out, error);
  return out.view();
}

string_view words(const sys::Address& address, const Attempt& attempt, std::span<char> room) noexcept {
  Writer out{room};
  out << sys::endpoint_text(address).view() << ": ";
  if (attempt.error == 0)
    out << "connected";
  else
    put_error(out, attempt.error);
  out << ", after " << std::uint64_t{attempt.ms} << " ms";
  return out.view();
}

string_view host_words(const ErrorDetails& failure, std::span<char> room) noexcept {
  Writer out{room};
  if (failure.host.empty()) return {};
  base::put_host(out, failure.host) << ", port " << std::uint64_t{failure.port};
  return out.view();
}

string_view status_words(std::uint16_t received, std::span<char> room) noexcept {
  Writer out{room};
  if (received != 0) out << std::uint64_t{received} << " from the server";
  return out.view();
}

// As the log writes it: "#7", "#7.2".
string_view log_number(const ErrorDetails& failure, std::span<char> room) noexcept {
  Writer out{room};
  if (failure.id == 0) return {};
  out << '#' << failure.id;
  if (failure.nth > 1) out << '.' << std::uint64_t{failure.nth};
  out << " in the proxy's log";
  return out.view();
}

void put_attempts(Page& page, const ErrorDetails& failure) noexcept {
  std::array<char, 192> room;
  const std::size_t tried = std::min(failure.addresses.size(), failure.attempts.size());
  for (std::size_t i = 0; i < tried; ++i)
    page.row("Tried", words(failure.addresses[i], failure.attempts[i], room));
  if (tried == 0 || !failure.attempted) page.row("Error", words(failure.error, room));
}

string_view write_body(const ErrorDetails& failure, string_view title, Page& page) noexcept {
  std::array<char, kHostBytesMax + 64> room;
  page.head(title, error_reply(failure.reason).sentence);
  if (failure.detail != Reason::none) page.row("Cause", error_reply(failure.detail).sentence);
  page.row("Failed while", failure.phase);
  page.row("Host", host_words(failure, room));
  put_attempts(page, failure);
  page.row("Status", status_words(failure.received, room));
  page.row("Timeout", failure.timeout);
  page.row("Advice", error_reply(failure.reason).advice);
  page.row("Request", log_number(failure, room));
  return page.finish();
}

// ---- Proxy-Status (RFC 9209) -----------------------------------------------------------------------------

void put_proxy_status(Writer& out, const ErrorDetails& failure, string_view name) noexcept {
  const ErrorReply& why = error_reply(failure.reason);
  out << "Proxy-Status: " << name << "; error=" << why.proxy_error;
  if (failure.received != 0) out << "; received-status=" << std::uint64_t{failure.received};
  base::put_sf_string(out << "; details=", why.sentence);
  out << "\r\n";
}

void put_server(Writer& out, const ProxyFields& hop) noexcept {
  if (!hop.server.empty()) out << "Server: " << hop.server << "\r\n";
  put_server_timing(out, hop.timing);
}

// Fields that a TRACE response must not repeat (RFC 9110 section 9.3.8).
constexpr FieldNames kSecret{FieldName::authorization, FieldName::proxy_authorization, FieldName::cookie};

}  // namespace

std::size_t write_error_response(const ErrorDetails& failure, const ProxyFields& hop,
                                 std::span<char> room) noexcept {
  const std::uint16_t status = error_reply(failure.reason).status;
  const Look& look = failure.as_page ? kPage : kPlain;
  std::array<char, 64> title_room;
  Writer title{title_room};
  title << std::uint64_t{status} << ' ' << phrase(status);
  std::array<char, kErrorResponseBytesMax - kErrorHeadMax> text;
  Page page{look, text};
  const string_view body = write_body(failure, title.view(), page);

  Writer out{room};
  out << (failure.version == Version::http11 ? "HTTP/1.1 " : "HTTP/1.0 ") << title.view()
      << "\r\nDate: " << hop.date << "\r\n";
  put_server(out, hop);
  out << "Content-Type: " << look.type << "\r\nContent-Length: " << std::uint64_t{body.size()} << "\r\n";
  if (!error_reply(failure.reason).proxy_error.empty()) put_proxy_status(out, failure, hop.via);
  out << failure.fields;
  if (!failure.realm.empty())
    put_basic_challenge(out << (status == 407 ? "Proxy-Authenticate: " : "WWW-Authenticate: "), failure.realm)
        << "\r\n";
  if (failure.retry_after_s != 0) out << "Retry-After: " << std::uint64_t{failure.retry_after_s} << "\r\n";
  out << connection_line(failure.version, !failure.stays) << "\r\n";
  if (!failure.to_head) out << body;
  return out.length();
}

std::size_t write_reply_head(const ReplyHead& served, const ProxyFields& hop, std::span<char> room) noexcept {
  const bool http11 = served.version == Version::http11;
  Writer out{room};
  out << (http11 ? "HTTP/1.1 " : "HTTP/1.0 ") << std::uint64_t{served.status} << ' ' << phrase(served.status)
      << "\r\nDate: " << hop.date << "\r\n";
  put_server(out, hop);
  out << served.fields;
  if (served.body.kind == Body::Kind::length) out << "Content-Length: " << served.body.length << "\r\n";
  if (served.body.kind == Body::Kind::until_eof && http11) out << "Transfer-Encoding: chunked\r\n";
  out << connection_line(served.version, served.close) << "\r\n";
  return out.overflowed() ? 0 : out.length();
}

std::size_t write_last_hop_reply(const RequestHead& head, Version version, const ProxyFields& hop,
                                 std::span<char> room) noexcept {
  std::array<char, kLargestHead + 64> text;
  Writer body{text};
  const bool traces = head.method == "TRACE";
  if (traces) {
    const PublicUrl url = without_userinfo(head.target);
    body << head.method << ' ' << url.before << url.after
         << (head.version == Version::http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    for (const Field& field : head.fields.all()) {
      if (kSecret.has(field.id)) continue;
      const PublicUrl value =
          field.id == FieldName::referer ? without_userinfo(field.value) : PublicUrl{field.value, {}};
      body << field.name << ": " << value.before << value.after << "\r\n";
    }
    body << "\r\n";
  }
  Writer out{room};
  out << (version == Version::http11 ? "HTTP/1.1 " : "HTTP/1.0 ") << "200 OK\r\nDate: " << hop.date << "\r\n";
  put_server(out, hop);
  if (traces) out << "Content-Type: message/http\r\n";
  out << "Content-Length: " << std::uint64_t{body.length()} << "\r\nConnection: close\r\n\r\n" << body.view();
  return out.overflowed() || body.overflowed() ? 0 : out.length();
}

bool accepts_page(const Fields& fields) noexcept { return prefers(fields, "text/html", "text/plain"); }

}  // namespace http
