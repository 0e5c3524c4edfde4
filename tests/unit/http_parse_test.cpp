// Heads to the letter of RFC 9112 and RFC 1945: one line a case.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "../../src/http/head.hpp"

namespace {

using base::Reason;
using http::Parsed;
using std::string;
using std::string_view;

// Text right before a page that cannot be read: whoever reads beyond its end dies.
class AtTheEdge {
 public:
  explicit AtTheEdge(string_view text) {
    page_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    pages_ = (text.size() + page_ - 1) / page_ + 1;
    memory_ = static_cast<char*>(
        mmap(nullptr, (pages_ + 1) * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(memory_ + pages_ * page_, page_, PROT_NONE);
    begin_ = memory_ + pages_ * page_ - text.size();
    std::memcpy(begin_, text.data(), text.size());
    size_ = text.size();
  }
  ~AtTheEdge() { munmap(memory_, (pages_ + 1) * page_); }
  AtTheEdge(const AtTheEdge&) = delete;
  AtTheEdge& operator=(const AtTheEdge&) = delete;
  [[nodiscard]] string_view view() const { return {begin_, size_}; }

 private:
  std::size_t page_, pages_, size_;
  char *memory_, *begin_;
};

Parsed parse(string_view text, std::size_t seen, http::RequestHead& head) {
  return http::parse_request(text, seen, head);
}
Parsed parse(string_view text, std::size_t seen, http::ResponseHead& head) {
  return http::parse_response(text, seen, false, head);
}

// The verdict on `text`, after checking that it is the same however the text is cut in two, and byte by byte.
template <class Head>
Parsed verdict(string_view text, const char* title) {
  Head head;
  const AtTheEdge whole{text};
  const Parsed expected = parse(whole.view(), 0, head);
  Parsed bytewise{Parsed::What::partial, 0, Reason::none};
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const AtTheEdge front{text.substr(0, cut)};
    const Parsed first = parse(front.view(), 0, head);
    if (bytewise.what == Parsed::What::partial) bytewise = parse(front.view(), cut == 0 ? 0 : cut - 1, head);
    const Parsed both = first.what == Parsed::What::partial ? parse(whole.view(), cut, head) : first;
    EXPECT_EQ(both.what, expected.what) << title << ", cut at " << cut;
    EXPECT_EQ(both.why, expected.why) << title << ", cut at " << cut;
    EXPECT_EQ(both.length, expected.length) << title << ", cut at " << cut;
    if (expected.what == Parsed::What::complete && cut < expected.length) {
      EXPECT_EQ(first.what, Parsed::What::partial) << title << ", cut at " << cut;
    }
  }
  EXPECT_EQ(bytewise.what, expected.what) << title << ", byte by byte";
  EXPECT_EQ(bytewise.why, expected.why) << title << ", byte by byte";
  return expected;
}

struct Case {
  const char* title;
  string text;
  Reason expected;  // none: a whole head
};

string nul(const char* before, const char* after) { return string{before} + '\0' + after; }
string get(const string& rest) { return "GET http://h/ HTTP/1.0\r\n" + rest; }
string get11(const string& rest) { return "GET http://h/ HTTP/1.1\r\nHost: h\r\n" + rest; }
string post(const string& rest) { return "POST http://h/ HTTP/1.1\r\nHost: h\r\n" + rest; }

// clang-format off
const Case kRequests[] = {
    {"the least request", "GET http://h/ HTTP/1.0\r\n\r\n", Reason::none},
    {"HTTP/1.1 with Host", "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", Reason::none},
    {"one empty line before it (RFC 9112 2.2)", "\r\nGET http://h/ HTTP/1.0\r\n\r\n", Reason::none},
    {"two empty lines before it", "\r\n\r\nGET http://h/ HTTP/1.0\r\n\r\n", Reason::bad_request_line},
    {"an unknown method", "BREW http://h/ HTTP/1.0\r\n\r\n", Reason::none},
    {"methods are case-sensitive tokens", "get http://h/ HTTP/1.0\r\n\r\n", Reason::none},
    {"a method of all token characters", "!#$%&'*+-.^_`|~ http://h/ HTTP/1.0\r\n\r\n", Reason::none},
    {"a method of 32 letters", string(32, 'M') + " http://h/ HTTP/1.0\r\n\r\n", Reason::none},
    {"a method of 33 letters", string(33, 'M') + " http://h/ HTTP/1.0\r\n\r\n", Reason::bad_request_line},
    {"no method", " http://h/ HTTP/1.0\r\n\r\n", Reason::bad_request_line},
    {"a method with a slash", "G/T http://h/ HTTP/1.0\r\n\r\n", Reason::bad_request_line},
    {"HTTP/0.9", "GET /\r\n", Reason::bad_request_line},
    {"two blanks", "GET  http://h/ HTTP/1.0\r\n\r\n", Reason::bad_request_line},
    {"a blank in the URL", "GET http://h/a b HTTP/1.0\r\n\r\n", Reason::bad_request_line},
    {"a blank at the end", "GET http://h/ HTTP/1.0 \r\n\r\n", Reason::bad_request_line},
    {"a tab for a blank", "GET\thttp://h/\tHTTP/1.0\r\n\r\n", Reason::bad_request_line},
    {"version 1.2 is spoken as 1.1", "GET http://h/ HTTP/1.2\r\nHost: h\r\n\r\n", Reason::none},
    {"version 2.0", "GET http://h/ HTTP/2.0\r\n\r\n", Reason::version_unsupported},
    {"version 0.9", "GET http://h/ HTTP/0.9\r\n\r\n", Reason::version_unsupported},
    {"version in small letters", "GET http://h/ http/1.0\r\n\r\n", Reason::bad_version},
    {"version without minor", "GET http://h/ HTTP/1\r\n\r\n", Reason::bad_version},
    {"version with two digits", "GET http://h/ HTTP/1.10\r\n\r\n", Reason::bad_version},
    {"another protocol", "GET http://h/ SIP/2.0\r\n\r\n", Reason::bad_version},

    {"origin form", "GET /a?b HTTP/1.0\r\n\r\n", Reason::none},
    {"asterisk form", "OPTIONS * HTTP/1.0\r\n\r\n", Reason::none},
    {"authority form", "CONNECT h:443 HTTP/1.0\r\n\r\n", Reason::none},
    {"authority form without port", "CONNECT h HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"another scheme", "GET ftp://h/ HTTP/1.0\r\n\r\n", Reason::none},
    {"a scheme in capitals", "GET HTTP://h/ HTTP/1.0\r\n\r\n", Reason::none},
    {"neither form", "GET h/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"a scheme that is none", "GET 1http://h/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"no host", "GET http:/// HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"a port", "GET http://h:8080/ HTTP/1.0\r\n\r\n", Reason::none},
    {"an empty port", "GET http://h:/ HTTP/1.0\r\n\r\n", Reason::none},
    {"port 0", "GET http://h:0/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"port 65535", "GET http://h:65535/ HTTP/1.0\r\n\r\n", Reason::none},
    {"port 65536", "GET http://h:65536/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"a port with a sign", "GET http://h:+80/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"a port with leading zeros", "GET http://h:00080/ HTTP/1.0\r\n\r\n", Reason::none},
    {"an IPv4 address", "GET http://127.0.0.1/ HTTP/1.0\r\n\r\n", Reason::none},
    {"a short IPv4 address", "GET http://127.1/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"an IPv4 address as one number", "GET http://2130706433/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"a hexadecimal IPv4 address", "GET http://0x7f.0.0.0x1/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"an IPv6 address", "GET http://[::1]/ HTTP/1.0\r\n\r\n", Reason::none},
    {"an IPv6 address with port", "GET http://[fe80::1]:8080/ HTTP/1.0\r\n\r\n", Reason::none},
    {"an IPv6 address without brackets", "GET http://::1/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"brackets that are not closed", "GET http://[::1/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"brackets around IPv4", "GET http://[127.0.0.1]/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"something behind the brackets", "GET http://[::1]x/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"userinfo", "GET http://u:p@h/ HTTP/1.0\r\n\r\n", Reason::none},
    {"userinfo of every kind of character", "GET http://aZ09-._~%41!$&'()*+,;=:@h/ HTTP/1.0\r\n\r\n", Reason::none},
    {"userinfo with a backslash", "GET http://h\\@x/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"userinfo with a bracket", "GET http://[::1]@x/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"two at-signs", "GET http://a@b@h/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"a backslash in the host", "GET http://a\\b/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"a percent sign in the host", "GET http://a%2e/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"an underscore in the host", "GET http://a_b/ HTTP/1.0\r\n\r\n", Reason::none},
    {"a host of 253 letters", "GET http://" + string(253, 'a') + "/ HTTP/1.0\r\n\r\n", Reason::none},
    {"a host of 254 letters", "GET http://" + string(254, 'a') + "/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"a byte above ASCII in the URL", "GET http://h/\xc3\xa4 HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"characters that browsers send", "GET http://h/a|b?c={\"d\"}^` HTTP/1.0\r\n\r\n", Reason::none},

    {"a bare LF ends the first line", "GET http://h/ HTTP/1.0\n\r\n", Reason::bad_line_end},
    {"a bare LF ends a field", get("A: b\nC: d\r\n\r\n"), Reason::bad_line_end},
    {"a bare CR in a field", get("A: b\rc\r\n\r\n"), Reason::bad_line_end},
    {"two CRs", get("A: b\r\r\n\r\n"), Reason::bad_line_end},
    {"a bare LF ends the head", get("A: b\r\n\n"), Reason::bad_line_end},
    {"NUL in the first line", nul("GET http://h/", " HTTP/1.0\r\n\r\n"), Reason::bad_character},
    {"NUL in a value", nul("GET http://h/ HTTP/1.0\r\nA: b", "c\r\n\r\n"), Reason::bad_character},
    {"DEL in a value", get("A: \x7f\r\n\r\n"), Reason::bad_character},
    {"the first bytes of TLS", "\x16\x03\x01\x02", Reason::bad_character},

    {"a field", get("A: b\r\n\r\n"), Reason::none},
    {"a field without value", get("A:\r\n\r\n"), Reason::none},
    {"blanks around a value", get("A: \t b \t \r\n\r\n"), Reason::none},
    {"bytes above ASCII in a value", get("A: \xe4\xff\r\n\r\n"), Reason::none},
    {"a tab in a value", get("A: b\tc\r\n\r\n"), Reason::none},
    {"a colon in a value", get("A: b:c\r\n\r\n"), Reason::none},
    {"a blank before the colon", get("A : b\r\n\r\n"), Reason::bad_header},
    {"a tab before the colon", get("A\t: b\r\n\r\n"), Reason::bad_header},
    {"no colon", get("A b\r\n\r\n"), Reason::bad_header},
    {"no name", get(": b\r\n\r\n"), Reason::bad_header},
    {"a name that is no token", get("A(b): c\r\n\r\n"), Reason::bad_header},
    {"a byte above ASCII in a name", get("\xc3\xa4: b\r\n\r\n"), Reason::bad_header},
    {"a folded line", get("A: b\r\n c\r\n\r\n"), Reason::folded_header},
    {"a folded line, by a tab", get("A: b\r\n\tc\r\n\r\n"), Reason::folded_header},
    {"a blank line that is not empty", get("A: b\r\n \r\n\r\n"), Reason::folded_header},
    {"a blank before the first field", get(" A: b\r\n\r\n"), Reason::folded_header},

    {"1.1 without Host", "GET http://h/ HTTP/1.1\r\n\r\n", Reason::bad_host},
    {"two Hosts", get11("Host: h\r\n\r\n"), Reason::bad_host},
    {"two Hosts in 1.0", get("Host: h\r\nHost: h\r\n\r\n"), Reason::bad_host},
    {"a Host that is none", get("Host: a b\r\n\r\n"), Reason::bad_host},
    {"another Host than in the URL", get("Host: other:81\r\n\r\n"), Reason::none},

    {"Content-Length", post("Content-Length: 5\r\n\r\n"), Reason::none},
    {"Content-Length 0", post("Content-Length: 0\r\n\r\n"), Reason::none},
    {"Content-Length with zeros", post("Content-Length: 0005\r\n\r\n"), Reason::none},
    {"the greatest Content-Length", post("Content-Length: 18446744073709551615\r\n\r\n"), Reason::none},
    {"one more", post("Content-Length: 18446744073709551616\r\n\r\n"), Reason::bad_content_length},
    {"Content-Length with a sign", post("Content-Length: +5\r\n\r\n"), Reason::bad_content_length},
    {"a negative one", post("Content-Length: -5\r\n\r\n"), Reason::bad_content_length},
    {"a hexadecimal one", post("Content-Length: 0x5\r\n\r\n"), Reason::bad_content_length},
    {"an empty one", post("Content-Length:\r\n\r\n"), Reason::bad_content_length},
    {"a blank inside", post("Content-Length: 1 2\r\n\r\n"), Reason::bad_content_length},
    {"a fraction", post("Content-Length: 5.0\r\n\r\n"), Reason::bad_content_length},
    {"a list", post("Content-Length: 5, 5\r\n\r\n"), Reason::bad_content_length},
    {"two, different", post("Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), Reason::bad_content_length},
    {"two, equal", post("Content-Length: 5\r\ncontent-length: 5\r\n\r\n"), Reason::bad_content_length},
    {"chunked", post("Transfer-Encoding: chunked\r\n\r\n"), Reason::none},
    {"chunked in capitals", post("Transfer-Encoding: CHUNKED\r\n\r\n"), Reason::none},
    {"chunked in 1.0 (RFC 9112 6.1)", get("Transfer-Encoding: chunked\r\n\r\n"), Reason::bad_transfer_encoding},
    {"both", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), Reason::conflicting_framing},
    {"both, the other way round", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), Reason::conflicting_framing},
    {"chunked twice in a list", post("Transfer-Encoding: chunked, chunked\r\n\r\n"), Reason::bad_transfer_encoding},
    {"two Transfer-Encodings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), Reason::bad_transfer_encoding},
    {"chunked not last", post("Transfer-Encoding: chunked, gzip\r\n\r\n"), Reason::bad_transfer_encoding},
    {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n\r\n"), Reason::transfer_encoding_unsupported},
    {"gzip alone", post("Transfer-Encoding: gzip\r\n\r\n"), Reason::bad_transfer_encoding},
    {"identity", post("Transfer-Encoding: identity\r\n\r\n"), Reason::bad_transfer_encoding},
    {"an empty Transfer-Encoding", post("Transfer-Encoding:\r\n\r\n"), Reason::bad_transfer_encoding},
    {"a vertical tab before chunked", post("Transfer-Encoding: \x0b" "chunked\r\n\r\n"), Reason::bad_character},
    {"xchunked", post("Transfer-Encoding: xchunked\r\n\r\n"), Reason::bad_transfer_encoding},
    {"chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n\r\n"), Reason::bad_transfer_encoding},
};

const Case kResponses[] = {
    {"the least response", "HTTP/1.0 200 OK\r\n\r\n", Reason::none},
    {"no phrase", "HTTP/1.1 200 \r\n\r\n", Reason::none},
    {"no phrase and no blank", "HTTP/1.1 200\r\n\r\n", Reason::none},
    {"a phrase of several words", "HTTP/1.1 404 Not Found at all\r\n\r\n", Reason::none},
    {"a phrase above ASCII", "HTTP/1.1 200 \xe4\r\n\r\n", Reason::none},
    {"status 100", "HTTP/1.1 100 C\r\n\r\n", Reason::none},
    {"status 999", "HTTP/1.1 999 X\r\n\r\n", Reason::none},
    {"status 099", "HTTP/1.1 099 X\r\n\r\n", Reason::bad_status_line},
    {"status of two digits", "HTTP/1.1 20 X\r\n\r\n", Reason::bad_status_line},
    {"status of four digits", "HTTP/1.1 2000 X\r\n\r\n", Reason::bad_status_line},
    {"a status with a letter", "HTTP/1.1 2x0 X\r\n\r\n", Reason::bad_status_line},
    {"two blanks", "HTTP/1.1  200 X\r\n\r\n", Reason::bad_status_line},
    {"version 2", "HTTP/2.0 200 OK\r\n\r\n", Reason::version_unsupported},
    {"another protocol", "ICY 200 OK OK\r\n\r\n", Reason::bad_status_line},
    {"another protocol, as long", "SSH-2.0- 200 OK\r\n\r\n", Reason::bad_version},
    {"an empty line before it", "\r\nHTTP/1.1 200 OK\r\n\r\n", Reason::bad_status_line},
    {"HTTP/0.9", "<html>\r\n", Reason::bad_status_line},
    {"bare LF", "HTTP/1.1 200 OK\nA: b\n\n", Reason::bad_line_end},
    {"NUL", nul("HTTP/1.1 200 OK\r\nA: ", "\r\n\r\n"), Reason::bad_character},
    {"a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Reason::folded_header},
    {"a blank before the colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Reason::bad_header},
    {"both lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::conflicting_framing},
    {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Reason::bad_content_length},
    {"chunks in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::bad_transfer_encoding},
};
// clang-format on

template <class Head, std::size_t N>
void expect_all(const Case (&cases)[N]) {
  for (const Case& c : cases) {
    const Parsed parsed = verdict<Head>(c.text, c.title);
    EXPECT_EQ(parsed.why, c.expected) << c.title << ": " << base::row(parsed.why).name;
    EXPECT_EQ(parsed.what, c.expected == Reason::none ? Parsed::What::complete : Parsed::What::bad)
        << c.title;
    if (c.expected == Reason::none) {
      EXPECT_EQ(parsed.length, c.text.size()) << c.title;
    }
  }
}

TEST(Request, EachRuleOfTheGrammar) { expect_all<http::RequestHead>(kRequests); }
TEST(Response, EachRuleOfTheGrammar) { expect_all<http::ResponseHead>(kResponses); }

// Every byte in each place of a head: only those that the grammar allows are taken.
TEST(Request, EveryByteInAValue) {
  for (int byte = 0; byte < 256; ++byte) {
    const bool allowed = byte == '\t' || (byte >= ' ' && byte != 0x7f);
    const string text = get(string{"A: b"} + static_cast<char>(byte) + "c\r\n\r\n");
    EXPECT_EQ(verdict<http::RequestHead>(text, "a value").what,
              allowed ? Parsed::What::complete : Parsed::What::bad)
        << byte;
  }
}

TEST(Request, EveryByteInAName) {
  const string_view marks = "!#$%&'*+-.^_`|~:";  // a colon ends the name
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool allowed =
        (byte < 128 && std::isalnum(byte) != 0) || (byte != 0 && marks.find(c) != string_view::npos);
    const string text = get(string{"A"} + c + "b: c\r\n\r\n");
    EXPECT_EQ(verdict<http::RequestHead>(text, "a name").what,
              allowed ? Parsed::What::complete : Parsed::What::bad)
        << byte;
  }
}

TEST(Request, WhatAHeadSays) {
  http::RequestHead head;
  const string text =
      "POST http://u:p@Example.test:8080/a/b?c=d#e HTTP/1.1\r\nHost: x\r\nCookie: "
      "1\r\nCookie:2\r\nContent-Length: 7\r\n\r\nbody";
  const Parsed parsed = http::parse_request(text, 0, head);
  ASSERT_EQ(parsed.what, Parsed::What::complete);
  EXPECT_EQ(parsed.length, text.size() - 4);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.form, http::TargetForm::absolute);
  EXPECT_TRUE(head.plain_http);
  EXPECT_EQ(head.authority.host, "Example.test");
  EXPECT_EQ(head.authority.port, 8080);
  EXPECT_EQ(head.path, "/a/b?c=d");
  EXPECT_EQ(head.version, http::Version::http11);
  EXPECT_EQ(head.body, (http::Body{http::Body::Kind::length, 7}));
  ASSERT_EQ(head.fields.all().size(), 4U);
  EXPECT_EQ(head.fields.all()[1].value, "1");
  EXPECT_EQ(head.fields.all()[2].name, "Cookie");
  EXPECT_EQ(head.fields.all()[2].value, "2");
  // The same when it comes in two pieces.
  http::RequestHead again;
  ASSERT_EQ(http::parse_request(string_view{text}.substr(0, 60), 0, again).what, Parsed::What::partial);
  ASSERT_EQ(http::parse_request(text, 60, again).what, Parsed::What::complete);
  EXPECT_EQ(again.authority.host, "Example.test");
  EXPECT_EQ(again.fields.all().size(), 4U);
}

TEST(Request, TargetsTakenApart) {
  struct Row {
    string_view target, host, path;
    std::uint16_t port;
    bool ipv6;
  };
  const Row rows[] = {
      {"http://h", "h", "", 80, false},
      {"http://h?q", "h", "?q", 80, false},
      {"http://h#f", "h", "", 80, false},
      {"http://h/a#f?g", "h", "/a", 80, false},
      {"http://h:81?q#f", "h", "?q", 81, false},
      {"http://[::1]:82/x", "::1", "/x", 82, true},
      {"http://user@h//double", "h", "//double", 80, false},
      {"http://h/http://other/", "h", "/http://other/", 80, false},
      {"http://h?@other/", "h", "?@other/", 80, false},
  };
  for (const Row& row : rows) {
    http::RequestHead head;
    const string text = "GET " + string{row.target} + " HTTP/1.0\r\n\r\n";
    ASSERT_EQ(http::parse_request(text, 0, head).what, Parsed::What::complete) << row.target;
    EXPECT_EQ(head.authority.host, row.host) << row.target;
    EXPECT_EQ(head.authority.port, row.port) << row.target;
    EXPECT_EQ(head.authority.ipv6, row.ipv6) << row.target;
    EXPECT_EQ(head.path, row.path) << row.target;
  }
}

TEST(Request, Expectations) {
  http::RequestHead head;
  ASSERT_EQ(http::parse_request(post("Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"), 0, head).what,
            Parsed::What::complete);
  EXPECT_TRUE(head.expects_continue);
  ASSERT_EQ(http::parse_request(get("Expect: 100-continue\r\n\r\n"), 0, head).what, Parsed::What::complete);
  EXPECT_FALSE(head.expects_continue) << "HTTP/1.0 knows no interim answers";
}

TEST(Request, Limits) {
  http::RequestHead head;
  const auto line = [](std::size_t length) {
    const string_view start = "GET http://h/", end = " HTTP/1.0";
    return string{start} + string(length - start.size() - end.size(), 'a') + string{end} + "\r\n\r\n";
  };
  EXPECT_EQ(http::parse_request(line(8192), 0, head).what, Parsed::What::complete);
  EXPECT_EQ(http::parse_request(line(8193), 0, head).why, Reason::target_too_long);
  EXPECT_EQ(http::parse_request(line(8193).substr(0, 8193), 0, head).why, Reason::target_too_long)
      << "without its end";

  const auto fields = [](int count) {
    string text = "GET http://h/ HTTP/1.0\r\n";
    for (int i = 0; i < count; ++i) text += "a:b\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(http::parse_request(fields(100), 0, head).what, Parsed::What::complete);
  EXPECT_EQ(http::parse_request(fields(101), 0, head).why, Reason::too_many_headers);
  EXPECT_EQ(http::parse_request(fields(101), 300, head).why, Reason::too_many_headers) << "in two pieces";

  const auto sized = [](std::size_t length) {
    const string start = "GET http://h/ HTTP/1.0\r\nA: ";
    return start + string(length - start.size() - 4, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(http::parse_request(sized(15360), 0, head).what, Parsed::What::complete);
  EXPECT_EQ(http::parse_request(sized(15361), 0, head).why, Reason::head_too_large);
  EXPECT_EQ(http::parse_request(sized(15361).substr(0, 15359), 0, head).what, Parsed::What::partial);
  EXPECT_EQ(http::parse_request(sized(15361).substr(0, 15360), 15359, head).why, Reason::head_too_large);
}

TEST(Response, LengthOfTheBody) {
  using Kind = http::Body::Kind;
  struct Row {
    const char* title;
    string text;
    bool to_head;
    http::Body expected;
  };
  const Row rows[] = {
      {"a length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false, {Kind::length, 9}},
      {"no length", "HTTP/1.1 200 OK\r\n\r\n", false, {Kind::until_eof, 0}},
      {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, {Kind::chunked, 0}},
      {"to a HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, {Kind::none, 0}},
      {"204", "HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n", false, {Kind::none, 0}},
      {"304", "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", false, {Kind::none, 0}},
      {"103", "HTTP/1.1 103 Early\r\n\r\n", false, {Kind::none, 0}},
      {"205 has one", "HTTP/1.1 205 R\r\nContent-Length: 0\r\n\r\n", false, {Kind::length, 0}},
  };
  for (const Row& row : rows) {
    http::ResponseHead head;
    ASSERT_EQ(http::parse_response(row.text, 0, row.to_head, head).what, Parsed::What::complete) << row.title;
    EXPECT_EQ(head.body, row.expected) << row.title;
  }
}

TEST(Response, WhatAHeadSays) {
  http::ResponseHead head;
  ASSERT_EQ(http::parse_response("HTTP/1.1 404 Not Here\r\ndate: x\r\n\r\n", 0, false, head).what,
            Parsed::What::complete);
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.phrase, "Not Here");
  EXPECT_EQ(head.version, http::Version::http11);
  EXPECT_TRUE(head.has_date);
  EXPECT_FALSE(head.interim());
  ASSERT_EQ(http::parse_response("HTTP/1.0 100 C\r\n\r\n", 0, false, head).what, Parsed::What::complete);
  EXPECT_TRUE(head.interim());
  EXPECT_FALSE(head.has_date);
}

}  // namespace
