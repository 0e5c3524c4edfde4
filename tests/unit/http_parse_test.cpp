// Message heads against a second parser of RFC 9112, written from its text alone: every cut, byte and limit.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <regex.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "../../src/http/head.hpp"
#include "edge.hpp"

namespace {

using base::Reason;
using http::Parsed;
using std::string;
using std::string_view;
using What = Parsed::What;

Parsed parse(string_view text, std::size_t seen, http::RequestHead& head) {
  return http::parse_request(text, seen, head);
}
Parsed parse(string_view text, std::size_t seen, http::ResponseHead& head) {
  return http::parse_response(text, seen, false, head);
}

// All that a head contains, as text: equal texts mean equal results.
string said(const http::RequestHead& head) {
  string out = string{head.method} + "|" + string{head.target} + "|" +
               std::to_string(static_cast<int>(head.form)) + "|" + std::to_string(head.plain_http) + "|" +
               string{head.authority.host} + "|" + std::to_string(head.authority.port) + "|" +
               std::to_string(head.authority.ipv6) + "|" + string{head.path} + "|" +
               std::to_string(static_cast<int>(head.version)) + "|" + std::to_string(head.expects_continue) +
               "|" + std::to_string(static_cast<int>(head.body.kind)) + "|" +
               std::to_string(head.body.length);
  for (const http::Field& field : head.fields.all())
    out += "|" + string{field.name} + "=" + string{field.value};
  return out;
}
string said(const http::ResponseHead& head) {
  string out = std::to_string(head.status) + "|" + string{head.phrase} + "|" +
               std::to_string(static_cast<int>(head.version)) + "|" + std::to_string(head.has_date) + "|" +
               std::to_string(static_cast<int>(head.body.kind)) + "|" + std::to_string(head.body.length);
  for (const http::Field& field : head.fields.all())
    out += "|" + string{field.name} + "=" + string{field.value};
  return out;
}

string name_of(const Parsed& parsed) {
  if (parsed.what == What::partial) return "partial";
  if (parsed.what == What::complete) return "complete";
  return string{base::row(parsed.why).name};
}

// The result for the whole text, after checking that it is the same in two pieces, cut anywhere (or at `cuts`
// alone, for long ones), and byte by byte.
template <class Head>
Parsed judged(string_view text, const string& title, const std::vector<std::size_t>& cuts = {}) {
  support::Edge edge{text.size()};
  Head head;
  const Parsed whole = parse(edge.put(text), 0, head);
  const string expected = whole.what == What::complete ? said(head) : "";
  std::vector<std::size_t> places = cuts;
  if (places.empty())
    for (std::size_t i = 0; i <= text.size(); ++i) places.push_back(i);
  bool decided = false;
  for (const std::size_t cut : places) {
    const string where = title + ", cut at " + std::to_string(cut) + " of " + std::to_string(text.size());
    Parsed last = parse(edge.put(text.substr(0, cut)), 0, head);
    const bool needs_all =
        whole.what == What::partial || (whole.what == What::complete && cut < whole.length);
    if (needs_all) {
      EXPECT_EQ(name_of(last), "partial") << where << ", the first piece";
    }
    if (last.what == What::partial) last = parse(edge.put(text), cut, head);
    EXPECT_EQ(name_of(last), name_of(whole)) << where;
    EXPECT_EQ(last.length, whole.length) << where;
    if (last.what == What::complete) {
      EXPECT_EQ(said(head), expected) << where;
    }
    if (!cuts.empty()) continue;
    const Parsed one_more = parse(edge.put(text.substr(0, cut)), cut == 0 ? 0 : cut - 1, head);
    if (decided || one_more.what == What::partial) continue;
    decided = true;
    EXPECT_EQ(name_of(one_more), name_of(whole)) << where << ", byte by byte";
    EXPECT_EQ(one_more.length, whole.length) << where << ", byte by byte";
  }
  return whole;
}

// ---- one case per line -----------------------------------------------------------------------------------

struct Case {
  const char* title;
  string text;
  Reason expected;  // none: a complete head
};

string get(const string& rest) { return "GET http://h/ HTTP/1.0\r\n" + rest + "\r\n"; }
string get11(const string& rest) { return "GET http://h/ HTTP/1.1\r\nHost: h\r\n" + rest + "\r\n"; }
string post(const string& rest) { return "POST http://h/ HTTP/1.1\r\nHost: h\r\n" + rest + "\r\n"; }
string nul(const char* before, const char* after) { return string{before} + '\0' + after; }
string to(const string& target) { return "GET " + target + " HTTP/1.0\r\n\r\n"; }
string host(const string& value) { return "GET / HTTP/1.1\r\nHost:" + value + "\r\n\r\n"; }
string ok(const string& rest) { return "HTTP/1.1 200 OK\r\n" + rest + "\r\n"; }

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
    {"something after the brackets", "GET http://[::1]x/ HTTP/1.0\r\n\r\n", Reason::bad_target},
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
    {"characters that browsers send", "GET http://h/a|b?c={\"d\"}^` HTTP/1.0\r\n\r\n", Reason::none},

    {"a bare LF ends the first line", "GET http://h/ HTTP/1.0\n\r\n", Reason::bad_line_end},
    {"a bare LF ends a field", get("A: b\nC: d\r\n"), Reason::bad_line_end},
    {"a bare CR in a field", get("A: b\rc\r\n"), Reason::bad_line_end},
    {"two CRs", get("A: b\r\r\n"), Reason::bad_line_end},
    {"a bare LF ends the head", get("A: b\r\n\n"), Reason::bad_line_end},
    {"NUL in the first line", nul("GET http://h/", " HTTP/1.0\r\n\r\n"), Reason::bad_character},
    {"NUL in a value", nul("GET http://h/ HTTP/1.0\r\nA: b", "c\r\n\r\n"), Reason::bad_character},
    {"DEL in a value", get("A: \x7f\r\n"), Reason::bad_character},
    {"the first bytes of TLS", "\x16\x03\x01\x02", Reason::tls_instead_of_http},
    {"the first byte of TLS", "\x16", Reason::tls_instead_of_http},
    {"the first byte of a TLS alert", "\x15", Reason::tls_instead_of_http},
    {"the first byte of TLS, later", "G\x16", Reason::bad_character},

    {"a field", get("A: b\r\n"), Reason::none},
    {"a field without value", get("A:\r\n"), Reason::none},
    {"blanks around a value", get("A: \t b \t \r\n"), Reason::none},
    {"bytes above ASCII in a value", get("A: \xe4\xff\r\n"), Reason::none},
    {"a tab in a value", get("A: b\tc\r\n"), Reason::none},
    {"a colon in a value", get("A: b:c\r\n"), Reason::none},
    {"a blank before the colon", get("A : b\r\n"), Reason::bad_header},
    {"a tab before the colon", get("A\t: b\r\n"), Reason::bad_header},
    {"no colon", get("A b\r\n"), Reason::bad_header},
    {"no name", get(": b\r\n"), Reason::bad_header},
    {"a name that is not a token", get("A(b): c\r\n"), Reason::bad_header},
    {"a byte above ASCII in a name", get("\xc3\xa4: b\r\n"), Reason::bad_header},
    {"a folded line", get("A: b\r\n c\r\n"), Reason::folded_header},
    {"a folded line, by a tab", get("A: b\r\n\tc\r\n"), Reason::folded_header},
    {"a blank line that is not empty", get("A: b\r\n \r\n"), Reason::folded_header},
    {"a blank before the first field", get(" A: b\r\n"), Reason::folded_header},

    {"1.1 without Host", "GET http://h/ HTTP/1.1\r\n\r\n", Reason::bad_host},
    {"two Hosts", get11("Host: h\r\n"), Reason::bad_host},
    {"two Hosts in 1.0", get("Host: h\r\nHost: h\r\n"), Reason::bad_host},
    {"an invalid Host beside an absolute target (3.2.2)", get("Host: a b/@\r\n"), Reason::none},
    {"an empty Host beside an absolute target", "GET http://h/ HTTP/1.1\r\nHost:\r\n\r\n", Reason::none},
    {"a Host that is none", host(" a b"), Reason::bad_host},
    {"an empty Host", host(""), Reason::bad_host},
    {"a Host of all characters of a name (RFC 3986 3.2.2)", host(" a-._~!$&'()*+,;=%20z:80"), Reason::none},
    {"a Host of another character", host(" a|b"), Reason::bad_host},
    {"ws:// is http:// with Upgrade (RFC 6455 3)", "GET WS://h/ HTTP/1.1\r\nHost: h\r\n\r\n", Reason::none},
    {"bytes above ASCII in a path", to("http://h/\xe4\xff?\x80"), Reason::none},
    {"bytes above ASCII in a host", to("http://h\xe4/"), Reason::bad_target},
    {"bytes above ASCII in userinfo", to("http://\xe4@h/"), Reason::bad_target},
    {"bytes above ASCII in a scheme", to("h\xe4://h/"), Reason::bad_target},
    {"bytes above ASCII in a target of CONNECT", "CONNECT h\xe4:443 HTTP/1.1\r\nHost: h\r\n\r\n", Reason::bad_target},
    {"another Host than in the URL", get("Host: other:81\r\n"), Reason::none},

    {"Content-Length", post("Content-Length: 5\r\n"), Reason::none},
    {"Content-Length 0", post("Content-Length: 0\r\n"), Reason::none},
    {"Content-Length with zeros", post("Content-Length: 0005\r\n"), Reason::none},
    {"the greatest Content-Length", post("Content-Length: 18446744073709551615\r\n"), Reason::none},
    {"one more", post("Content-Length: 18446744073709551616\r\n"), Reason::bad_content_length},
    {"Content-Length with a sign", post("Content-Length: +5\r\n"), Reason::bad_content_length},
    {"a negative one", post("Content-Length: -5\r\n"), Reason::bad_content_length},
    {"a hexadecimal one", post("Content-Length: 0x5\r\n"), Reason::bad_content_length},
    {"an empty one", post("Content-Length:\r\n"), Reason::bad_content_length},
    {"a blank inside", post("Content-Length: 1 2\r\n"), Reason::bad_content_length},
    {"a fraction", post("Content-Length: 5.0\r\n"), Reason::bad_content_length},
    {"a list", post("Content-Length: 5, 5\r\n"), Reason::bad_content_length},
    {"two, different", post("Content-Length: 5\r\nContent-Length: 6\r\n"), Reason::bad_content_length},
    {"two, equal", post("Content-Length: 5\r\ncontent-length: 5\r\n"), Reason::bad_content_length},
    {"chunked", post("Transfer-Encoding: chunked\r\n"), Reason::none},
    {"chunked in capitals", post("Transfer-Encoding: CHUNKED\r\n"), Reason::none},
    {"chunked among empty elements (RFC 9110 5.6.1.2)", post("Transfer-Encoding: , chunked,\r\n"), Reason::none},
    {"chunked and an empty line", post("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n"), Reason::bad_transfer_encoding},
    {"gzip and chunked in two lines", post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), Reason::transfer_encoding_unsupported},
    {"chunked in 1.0 (RFC 9112 6.1)", get("Transfer-Encoding: chunked\r\n"), Reason::bad_transfer_encoding},
    {"both", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Reason::conflicting_framing},
    {"both, the other way round", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), Reason::conflicting_framing},
    {"chunked twice in a list", post("Transfer-Encoding: chunked, chunked\r\n"), Reason::bad_transfer_encoding},
    {"two Transfer-Encodings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Reason::bad_transfer_encoding},
    {"chunked not last", post("Transfer-Encoding: chunked, gzip\r\n"), Reason::bad_transfer_encoding},
    {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n"), Reason::transfer_encoding_unsupported},
    {"gzip alone", post("Transfer-Encoding: gzip\r\n"), Reason::bad_transfer_encoding},
    {"identity", post("Transfer-Encoding: identity\r\n"), Reason::bad_transfer_encoding},
    {"an empty Transfer-Encoding", post("Transfer-Encoding:\r\n"), Reason::bad_transfer_encoding},
    {"a vertical tab before chunked", post("Transfer-Encoding: \x0b" "chunked\r\n"), Reason::bad_character},
    {"xchunked", post("Transfer-Encoding: xchunked\r\n"), Reason::bad_transfer_encoding},
    {"chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n"), Reason::bad_transfer_encoding},

    // RFC 3986 section 3.1: scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
    {"a scheme begins with a letter, not with a plus", to("+http://h/"), Reason::bad_target},
    {"nor with a minus", to("-x://h/"), Reason::bad_target},
    {"nor with a dot", to(".x://h/"), Reason::bad_target},
    {"a scheme with all it may have", to("a1+-.://h/"), Reason::none},
    {"a scheme with an underscore", to("a_b://h/"), Reason::bad_target},
    {"an empty scheme", to("://h/"), Reason::bad_target},
    {"one slash only", to("http:/h/"), Reason::bad_target},
    {"no slash", to("http:h"), Reason::bad_target},
    {"a scheme in mixed case (section 3.1)", to("hTTp://h/"), Reason::none},

    // RFC 3986 section 3.2
    {"an empty userinfo", to("http://@h/"), Reason::none},
    {"userinfo and no host", to("http://u@/"), Reason::bad_target},
    {"userinfo with a colon and a port", to("http://u:1@h:2/"), Reason::none},
    {"a port that is a name", to("http://h:http/"), Reason::bad_target},
    {"two ports", to("http://h:80:80/"), Reason::bad_target},
    {"a port with many zeros", to("http://h:000000000000000000000080/"), Reason::none},
    {"a port of twenty digits", to("http://h:99999999999999999999/"), Reason::bad_target},
    {"a port only", to("http://:80/"), Reason::bad_target},
    {"IPv6 with an empty port", to("http://[::1]:/"), Reason::none},
    {"IPv6 that ends in IPv4", to("http://[::ffff:1.2.3.4]/"), Reason::none},
    {"IPv6 in full", to("http://[2001:0db8:0000:0000:0000:0000:0000:0001]/"), Reason::none},
    {"IPv6 of seven groups", to("http://[1:2:3:4:5:6:7]/"), Reason::bad_target},
    {"IPv6 of nine groups", to("http://[1:2:3:4:5:6:7:8:9]/"), Reason::bad_target},
    {"IPv6 with two gaps", to("http://[1::2::3]/"), Reason::bad_target},
    {"IPv6 with a zone", to("http://[fe80::1%25eth0]/"), Reason::bad_target},
    {"IPv6 of the future (section 3.2.2) is none we know", to("http://[v1.a]/"), Reason::bad_target},
    {"nothing in the brackets", to("http://[]/"), Reason::bad_target},
    {"two brackets", to("http://[[::1]]/"), Reason::bad_target},
    {"a host that ends in a dot", to("http://h./"), Reason::none},
    {"a host that is a dot", to("http://./"), Reason::bad_target},
    {"a host with a name that begins with digits", to("http://1a.2b/"), Reason::none},
    {"a host whose last label is a number", to("http://a.1/"), Reason::bad_target},
    {"the same, with the dot of the root", to("http://a.1./"), Reason::bad_target},
    {"IPv4 of five numbers", to("http://1.2.3.4.5/"), Reason::bad_target},
    {"IPv4 with 256", to("http://1.2.3.256/"), Reason::bad_target},
    {"IPv4 with an octal number", to("http://1.2.3.010/"), Reason::bad_target},
    {"a last label that is a hexadecimal number", to("http://a.0xff/"), Reason::bad_target},
    {"a last label that only looks like one at first", to("http://a.0xyz/"), Reason::none},
    {"a fragment with a slash", to("http://h#/x"), Reason::none},
    {"a query with an at-sign", to("http://h/?u@v"), Reason::none},
    {"CONNECT to an IPv6 address", "CONNECT [::1]:443 HTTP/1.0\r\n\r\n", Reason::none},
    {"CONNECT to an IPv6 address without port", "CONNECT [::1] HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"CONNECT with an empty port", "CONNECT h: HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"CONNECT to port 0", "CONNECT h:0 HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"CONNECT to port 65536", "CONNECT h:65536 HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"CONNECT with a path", "CONNECT h:443/ HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"CONNECT with a scheme", "CONNECT http://h:443 HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"CONNECT with userinfo", "CONNECT u@h:443 HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"connect is another method", "connect http://h/ HTTP/1.0\r\n\r\n", Reason::none},

    // RFC 9112 section 2.2
    {"half an empty line before it", "\rGET http://h/ HTTP/1.0\r\n\r\n", Reason::bad_line_end},
    {"an empty line of LF before it", "\nGET http://h/ HTTP/1.0\r\n\r\n", Reason::bad_line_end},
    {"a blank before it", " GET http://h/ HTTP/1.0\r\n\r\n", Reason::bad_request_line},
    {"an empty line and a blank before it", "\r\n GET http://h/ HTTP/1.0\r\n\r\n", Reason::bad_request_line},
    {"LF CR", "GET http://h/ HTTP/1.0\n\r\n\r", Reason::bad_line_end},
    {"no version (HTTP/0.9)", "GET http://h/\r\n\r\n", Reason::bad_request_line},
    {"an empty version", "GET http://h/ \r\n\r\n", Reason::bad_version},
    {"an empty target", "GET  HTTP/1.0\r\n\r\n", Reason::bad_target},
    {"a minor version that is not a digit", "GET http://h/ HTTP/1.x\r\n\r\n", Reason::bad_version},
    {"a version with a comma", "GET http://h/ HTTP/1,0\r\n\r\n", Reason::bad_version},
    {"a version with a blank", "GET http://h/ HTTP/ 1.0\r\n\r\n", Reason::bad_request_line},
    {"version 1.9 (RFC 9110 2.5: the highest minor we know)", "GET http://h/ HTTP/1.9\r\nHost: h\r\n\r\n", Reason::none},
    {"version 3.0", "GET http://h/ HTTP/3.0\r\n\r\n", Reason::version_unsupported},

    // RFC 9112 section 3.2
    {"Host with a port", host(" h:8080"), Reason::none},
    {"Host with an IPv6 address", host(" [::1]:8080"), Reason::none},
    {"Host in any case", "GET http://h/ HTTP/1.1\r\nhOsT: h\r\n\r\n", Reason::none},
    {"Host with userinfo", host(" u@h"), Reason::bad_host},
    {"Host with a scheme", host(" http://h"), Reason::bad_host},
    {"Host with a path", host(" h/"), Reason::bad_host},
    {"Host of two hosts", host(" a, b"), Reason::bad_host},
    {"Host with a great port", host(" h:65536"), Reason::bad_host},
    {"Hosts that are equal", get11("host: h\r\n"), Reason::bad_host},
    {"an invalid Host in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a b\r\n\r\n", Reason::bad_host},

    // RFC 9112 section 6
    {"a length of digits that are no ASCII", get("Content-Length: \xd9\xa1\r\n"), Reason::bad_content_length},
    {"a length of many zeros", get("Content-Length: " + string(100, '0') + "7\r\n"), Reason::none},
    {"a length of 2^64", get("Content-Length: 18446744073709551616\r\n"), Reason::bad_content_length},
    {"a length of 2^64 + 5", get("Content-Length: 18446744073709551621\r\n"), Reason::bad_content_length},
    {"a length with a comma at its end", get("Content-Length: 5,\r\n"), Reason::bad_content_length},
    {"a length in quotes", get("Content-Length: \"5\"\r\n"), Reason::bad_content_length},
    {"a length with an exponent", get("Content-Length: 1e3\r\n"), Reason::bad_content_length},
    {"a length with a separator", get("Content-Length: 1_000\r\n"), Reason::bad_content_length},
    {"a good length and a bad one", get("Content-Length: 5\r\nContent-Length: x\r\n"), Reason::bad_content_length},
    {"three lengths", get("Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 5\r\n"), Reason::bad_content_length},
    {"a length and an empty encoding", get11("Content-Length: 5\r\nTransfer-Encoding:\r\n"), Reason::conflicting_framing},
    {"an invalid length and chunks", get11("Content-Length: x\r\nTransfer-Encoding: chunked\r\n"), Reason::conflicting_framing},
    {"a length and chunks in HTTP/1.0", get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Reason::conflicting_framing},
    {"chunked with a parameter", get11("Transfer-Encoding: chunked;q=1\r\n"), Reason::bad_transfer_encoding},
    {"chunked, gzip, chunked", get11("Transfer-Encoding: chunked, gzip, chunked\r\n"), Reason::bad_transfer_encoding},
    {"gzip, then chunked in a second field", get11("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), Reason::transfer_encoding_unsupported},
    {"gzip,chunked without a blank", get11("Transfer-Encoding: gzip,chunked\r\n"), Reason::transfer_encoding_unsupported},
    {"identity, chunked", get11("Transfer-Encoding: identity, chunked\r\n"), Reason::transfer_encoding_unsupported},
    {"a similar field is another field", get11("Transfer-Encodings: x\r\nContent-Lengths: y\r\n"), Reason::none},
    {"a blank inside a name", get("Content Length: 5\r\n"), Reason::bad_header},
    {"a name in brackets", get("[a]: b\r\n"), Reason::bad_header},
    {"a name in quotes", get("\"a\": b\r\n"), Reason::bad_header},
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
    {"a radio stream", "ICY 200 OK OK\r\n\r\n", Reason::none},
    {"a radio stream without a phrase", "ICY 200\r\n\r\n", Reason::none},
    {"icy in small letters", "icy 200 OK OK\r\n\r\n", Reason::bad_status_line},
    {"ICY and no status", "ICY 20 OK\r\n\r\n", Reason::bad_status_line},
    {"another protocol, as long", "SSH-2.0- 200 OK\r\n\r\n", Reason::bad_version},
    {"an empty line before it", "\r\nHTTP/1.1 200 OK\r\n\r\n", Reason::none},
    {"several empty lines before it", "\r\n\n\r\nHTTP/1.1 200 OK\r\n\r\n", Reason::none},
    {"an empty line and a bare CR before it", "\r\n\rHTTP/1.1 200 OK\r\n\r\n", Reason::bad_line_end},
    {"HTTP/0.9", "<html>\r\n", Reason::bad_status_line},
    {"bare LF", "HTTP/1.1 200 OK\nA: b\n\n", Reason::none},
    {"bare LF among CR LF", "HTTP/1.1 200 OK\r\nA: b\n\r\n", Reason::none},
    {"bare CR", "HTTP/1.1 200 OK\rA: b\r\n\r\n", Reason::bad_line_end},
    {"a control character in a value", ok("A: \x01\x7f\x1b[1m\r\n"), Reason::none},
    {"a control character in a name", ok("A\x01: b\r\n"), Reason::bad_header},
    {"a TLS alert", "\x15\x03\x03", Reason::tls_instead_of_http},
    {"NUL", nul("HTTP/1.1 200 OK\r\nA: ", "\r\n\r\n"), Reason::bad_character},
    {"a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Reason::folded_header},
    {"blanks before the colon", "HTTP/1.1 200 OK\r\nA \t: b\r\n\r\n", Reason::none},
    {"a blank in a name", "HTTP/1.1 200 OK\r\nA B: b\r\n\r\n", Reason::bad_header},
    {"both lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::conflicting_framing},
    {"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Reason::none},
    {"the same length in a list", ok("Content-Length: 5, 05,,\r\nContent-Length: 5\r\n"), Reason::none},
    {"two lengths", ok("Content-Length: 1\r\nContent-Length: 2\r\n"), Reason::bad_content_length},
    {"two lengths in a list", ok("Content-Length: 1, 2\r\n"), Reason::bad_content_length},
    {"an empty length", ok("Content-Length:\r\n"), Reason::bad_content_length},
    {"a length of commas", ok("Content-Length: ,,\r\n"), Reason::bad_content_length},
    {"a length and an empty one", ok("Content-Length: 5\r\nContent-Length:\r\n"), Reason::bad_content_length},
    {"chunks in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::none},
    {"chunked among empty elements", ok("Transfer-Encoding: , chunked,\r\nTransfer-Encoding:\r\n"), Reason::none},
    {"chunked in two lines", ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Reason::bad_transfer_encoding},
    {"identity alone", ok("Transfer-Encoding: Identity\r\n"), Reason::none},
    {"identity alone, in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: ,identity\r\n\r\n", Reason::none},
    {"identity before chunked", ok("Transfer-Encoding: identity\r\nTransfer-Encoding: identity, chunked\r\n"), Reason::none},
    {"identity after chunked has two readings", ok("Transfer-Encoding: chunked, identity\r\n"), Reason::bad_transfer_encoding},
    {"identity and a length have two readings", ok("Transfer-Encoding: identity\r\nContent-Length: 5\r\n"), Reason::conflicting_framing},
    {"identity, gzip", ok("Transfer-Encoding: identity, gzip\r\n"), Reason::bad_transfer_encoding},
    {"an encoding without coding", ok("Transfer-Encoding: ,\r\n"), Reason::bad_transfer_encoding},
    {"both lengths in a 304", "HTTP/1.1 304 N\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::none},
    {"two lengths in a 204", "HTTP/1.1 204 N\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Reason::none},
    {"an unknown coding in a 101", "HTTP/1.1 101 S\r\nTransfer-Encoding: gzip\r\n\r\n", Reason::none},

    {"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", Reason::none},
    {"version in small letters", "http/1.1 200 OK\r\n\r\n", Reason::bad_version},
    {"a version and no more", "HTTP/1.1\r\n\r\n", Reason::bad_status_line},
    {"a version and a blank", "HTTP/1.1 \r\n\r\n", Reason::bad_status_line},
    {"a tab for a blank", "HTTP/1.1\t200 OK\r\n\r\n", Reason::bad_status_line},
    {"a tab after the status", "HTTP/1.1 200\tOK\r\n\r\n", Reason::bad_status_line},
    {"a phrase of blanks", "HTTP/1.1 200    \r\n\r\n", Reason::none},
    {"a phrase with a tab", "HTTP/1.1 200 a\tb\r\n\r\n", Reason::none},
    {"a status with a sign", "HTTP/1.1 +20 OK\r\n\r\n", Reason::bad_status_line},
    {"a negative status", "HTTP/1.1 -20 OK\r\n\r\n", Reason::bad_status_line},
    {"status 000", "HTTP/1.1 000 OK\r\n\r\n", Reason::bad_status_line},
    {"status 199", "HTTP/1.1 199 X\r\n\r\n", Reason::none},
    {"status 600", "HTTP/1.1 600 X\r\n\r\n", Reason::none},
    {"LF before it", "\nHTTP/1.1 200 OK\r\n\r\n", Reason::none},
    {"a blank before it", " HTTP/1.1 200 OK\r\n\r\n", Reason::bad_status_line},
    {"no Host is needed", ok(""), Reason::none},
    {"two Hosts mean nothing", ok("Host: a\r\nHost: b\r\n"), Reason::none},
    {"a field without a name", ok(":\r\n"), Reason::bad_header},
    {"a field without a colon", ok("Server\r\n"), Reason::bad_header},
    {"a blank before the first field", ok(" A: b\r\n"), Reason::folded_header},
    {"bytes above ASCII in a value", ok("A: \x80\xff\r\n"), Reason::none},
    {"gzip, chunked", ok("Transfer-Encoding: gzip, chunked\r\n"), Reason::transfer_encoding_unsupported},
    {"gzip alone", ok("Transfer-Encoding: gzip\r\n"), Reason::bad_transfer_encoding},
    {"a length that is none", ok("Content-Length: five\r\n"), Reason::bad_content_length},
    {"a length that is none, in a 204", "HTTP/1.1 204 No\r\nContent-Length: five\r\n\r\n", Reason::none},
};
// clang-format on

template <class Head, std::size_t N>
void expect_each(const Case (&cases)[N]) {
  for (const Case& c : cases) {
    const Parsed parsed = judged<Head>(c.text, c.title);
    EXPECT_EQ(name_of(parsed), c.expected == Reason::none ? "complete" : string{base::row(c.expected).name})
        << c.title;
    if (c.expected == Reason::none) {
      EXPECT_EQ(parsed.length, c.text.size()) << c.title;
    }
  }
}

TEST(RequestHead, EachRule) { expect_each<http::RequestHead>(kRequests); }
TEST(ResponseHead, EachRule) { expect_each<http::ResponseHead>(kResponses); }

// ---- every byte in every position ------------------------------------------------------------------------

bool is_control(int byte) { return byte < ' ' || byte == 0x7f; }
bool is_alnum(int byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}
bool is_tchar(int byte) {
  return is_alnum(byte) || (byte != 0 && std::strchr("!#$%&'*+-.^_`|~", byte) != nullptr);
}

TEST(RequestHead, EveryByteInEveryPosition) {
  struct Row {
    const char* title;
    string before, after;
    bool (*allowed)(int);
  };
  const Row rows[] = {
      {"in the method", "G", "T http://h/ HTTP/1.0\r\n\r\n", is_tchar},
      {"at its start", "", "GET http://h/ HTTP/1.0\r\n\r\n", is_tchar},
      {"in the path", "GET http://h/a", "b HTTP/1.0\r\n\r\n", [](int b) { return b > ' ' && b != 0x7f; }},
      {"in the query", "GET http://h/?a", "b HTTP/1.0\r\n\r\n", [](int b) { return b > ' ' && b != 0x7f; }},
      // Besides letters and digits: "/", "?" and "#" end the host, "@" the userinfo; "-", "." and "_" belong
      // to it.
      {"in the host", "GET http://a", "b/ HTTP/1.0\r\n\r\n",
       [](int b) { return is_alnum(b) || (b != 0 && std::strchr("/?#@-._", b) != nullptr); }},
      {"in the major version", "GET http://h/ HTTP/", ".0\r\n\r\n", [](int b) { return b == '1'; }},
      {"in the minor version", "GET http://h/ HTTP/1.", "\r\nHost: h\r\n\r\n",
       [](int b) { return b >= '0' && b <= '9'; }},
      {"after the version", "GET http://h/ HTTP/1.0", "\r\n\r\n", [](int) { return false; }},
      {"at the start of a name", "GET http://h/ HTTP/1.0\r\n", "b: c\r\n\r\n", is_tchar},
      {"at the end of a name", "GET http://h/ HTTP/1.0\r\na", ": c\r\n\r\n",
       [](int b) { return is_tchar(b) || b == ':'; }},
      {"at the start of a value", "GET http://h/ HTTP/1.0\r\na:", "b\r\n\r\n",
       [](int b) { return !is_control(b) || b == '\t'; }},
      {"at the end of a value", "GET http://h/ HTTP/1.0\r\na:b", "\r\n\r\n",
       [](int b) { return !is_control(b) || b == '\t'; }},
      {"in a name", "GET http://h/ HTTP/1.0\r\na", "b: c\r\n\r\n",
       [](int b) { return is_tchar(b) || b == ':'; }},
      {"in a value", "GET http://h/ HTTP/1.0\r\na: b", "c\r\n\r\n",
       [](int b) { return !is_control(b) || b == '\t'; }},
      {"in the place of CR", "GET http://h/ HTTP/1.0\r\na: b", "\n\r\n", [](int b) { return b == '\r'; }},
      {"in the place of LF", "GET http://h/ HTTP/1.0\r\na: b\r", "\r\n", [](int b) { return b == '\n'; }},
      {"in the place of the last LF", "GET http://h/ HTTP/1.0\r\na: b\r\n\r", "",
       [](int b) { return b == '\n'; }},
      {"in a length", "GET http://h/ HTTP/1.0\r\nContent-Length: 1", "2\r\n\r\n",
       [](int b) { return b >= '0' && b <= '9'; }},
  };
  for (const Row& row : rows)
    for (int byte = 0; byte < 256; ++byte) {
      const string title = string{row.title} + ": byte " + std::to_string(byte);
      const string text = row.before + static_cast<char>(byte) + row.after;
      http::RequestHead head;
      support::Edge edge{text.size()};
      EXPECT_EQ(parse(edge.put(text), 0, head).what == What::complete, row.allowed(byte)) << title;
      judged<http::RequestHead>(text, title);
      if (testing::Test::HasFailure()) return;
    }
}

// The characters of a line are read in words of eight.
TEST(RequestHead, EveryByteInALongValue) {
  for (std::size_t at = 0; at < 24; ++at)
    for (const std::size_t other : {at, (at + 1) % 24, (at + 9) % 24})
      for (int byte = 0; byte < 256; ++byte) {
        string value(24, at % 2 == 0 ? '\xff' : 'v');
        value[other] = ' ';
        value[at] = static_cast<char>(byte);
        const string text = "GET http://h/ HTTP/1.0\r\nName: " + value + "\r\n\r\n";
        http::RequestHead head;
        support::Edge edge{text.size()};
        ASSERT_EQ(parse(edge.put(text), 0, head).what == What::complete, !is_control(byte) || byte == '\t')
            << "byte " << byte << " at " << at;
      }
}

TEST(ResponseHead, EveryByteInEveryPosition) {
  struct Row {
    const char* title;
    string before, after;
    bool (*allowed)(int);
  };
  const Row rows[] = {
      {"in the status", "HTTP/1.1 2", "0 OK\r\n\r\n", [](int b) { return b >= '0' && b <= '9'; }},
      {"at the start of the status", "HTTP/1.1 ", "00 OK\r\n\r\n",
       [](int b) { return b >= '1' && b <= '9'; }},
      {"after the status", "HTTP/1.1 200", "OK\r\n\r\n", [](int b) { return b == ' '; }},
      {"in the phrase", "HTTP/1.1 200 O", "K: x\r\n\r\n", [](int b) { return b != '\0' && b != '\r'; }},
      {"in a name", "HTTP/1.1 200 OK\r\na", "b: c\r\n\r\n", [](int b) { return is_tchar(b) || b == ':'; }},
      {"in a value", "HTTP/1.1 200 OK\r\na: b", "c\r\n\r\n",
       [](int b) { return b != '\0' && b != '\r' && b != '\n'; }},
  };
  for (const Row& row : rows)
    for (int byte = 0; byte < 256; ++byte) {
      const string title = string{row.title} + ": byte " + std::to_string(byte);
      const Parsed parsed =
          judged<http::ResponseHead>(row.before + static_cast<char>(byte) + row.after, title);
      EXPECT_EQ(parsed.what == What::complete, row.allowed(byte)) << title;
      if (testing::Test::HasFailure()) return;
    }
}

// ---- limits ----------------------------------------------------------------------------------------------

// All positions around those where the result might change.
std::vector<std::size_t> around(std::initializer_list<std::size_t> places, std::size_t size) {
  std::vector<std::size_t> out;
  for (const std::size_t place : places)
    for (std::size_t cut = place < 4 ? 0 : place - 4; cut <= place + 4; ++cut)
      if (cut <= size) out.push_back(cut);
  return out;
}

TEST(RequestHead, AFirstLineOfAnyLengthCutAnywhere) {
  const string start = "GET http://h/", end = " HTTP/1.0";
  for (std::size_t length = 8188; length <= 8198; ++length) {
    const string line = start + string(length - start.size() - end.size(), 'a') + end;
    const string text = line + "\r\nA: b\r\n\r\n";
    const string title = "a first line of " + std::to_string(length);
    const Parsed parsed = judged<http::RequestHead>(text, title, around({0, 8192, text.size()}, text.size()));
    EXPECT_EQ(name_of(parsed), length <= 8192 ? "complete" : "target-too-long") << title;
    const string later = "\r\n" + text;  // the empty line before it does not count
    EXPECT_EQ(name_of(judged<http::RequestHead>(later, title, around({0, 8192, 8194}, later.size()))),
              length <= 8192 ? "complete" : "target-too-long")
        << title << ", after an empty line";
  }
}

TEST(RequestHead, ALongFirstLineWithAnErrorHasTheSameResultHoweverItIsCut) {
  struct Row {
    const char* title;
    string flaw;
    const char* expected;  // if the line is not too long before it
  };
  const Row rows[] = {{"LF", "\n", "bad-line-end"},
                      {"a control character", "\x01", "bad-character"},
                      {"NUL", string(1, '\0'), "bad-character"},
                      {"CR", "\rx", "bad-line-end"},
                      {"a blank", " ", "target-too-long"}};
  for (const Row& row : rows)
    for (const std::size_t place : {100U, 8191U, 8192U, 8193U, 9000U}) {
      string text = "GET http://h/" + string(10'000, 'a') + " HTTP/1.0\r\n\r\n";
      text.replace(place, row.flaw.size(), row.flaw);
      const string title = string{row.title} + " after " + std::to_string(place);
      const Parsed parsed =
          judged<http::RequestHead>(text, title, around({place, 8192, text.size()}, text.size()));
      EXPECT_EQ(name_of(parsed), place > 8192 ? "target-too-long" : row.expected) << title;
    }
}

TEST(ResponseHead, AFirstLineOfAnyLengthCutAnywhere) {
  for (std::size_t length = 8190; length <= 8195; ++length) {
    const string text = "HTTP/1.1 200 " + string(length - 13, 'a') + "\r\n\r\n";
    const Parsed parsed =
        judged<http::ResponseHead>(text, std::to_string(length), around({8192}, text.size()));
    EXPECT_EQ(parsed.what == What::complete, length <= 8192) << length;
  }
}

TEST(RequestHead, AHeadOfAnyLengthCutAnywhere) {
  const string start = "GET http://h/ HTTP/1.0\r\nA: ";
  for (std::size_t length = 15'356; length <= 15'366; ++length) {
    const string text = start + string(length - start.size() - 4, 'a') + "\r\n\r\n";
    const string title = "a head of " + std::to_string(length);
    const Parsed parsed =
        judged<http::RequestHead>(text, title, around({0, 22, 15'360, text.size()}, text.size()));
    EXPECT_EQ(name_of(parsed), length <= 15'360 ? "complete" : "head-too-large") << title;
  }
  const string endless = start + string(20'000, 'a');
  http::RequestHead head;
  support::Edge edge{endless.size()};
  EXPECT_EQ(name_of(parse(edge.put(string_view{endless}.substr(0, 15'359)), 0, head)), "partial");
  EXPECT_EQ(name_of(parse(edge.put(string_view{endless}.substr(0, 15'360)), 15'359, head)), "head-too-large");
}

TEST(RequestHead, ABodyOfAnyLengthDoesNotCount) {
  const string head_text = get("Content-Length: 99999\r\n");
  for (const std::size_t body : {1U, 15'000U, 20'000U}) {
    const string text = head_text + string(body, '\n');
    const Parsed parsed =
        judged<http::RequestHead>(text, "body", around({0, head_text.size(), text.size()}, text.size()));
    EXPECT_EQ(name_of(parsed), "complete");
    EXPECT_EQ(parsed.length, head_text.size());
  }
}

TEST(RequestHead, AHundredFieldsCutAnywhere) {
  for (const int count : {99, 100, 101, 150}) {
    string text = "GET http://h/ HTTP/1.0\r\n";
    for (int i = 0; i < count; ++i) text += "a:b\r\n";
    text += "\r\n";
    EXPECT_EQ(name_of(judged<http::RequestHead>(text, std::to_string(count))),
              count <= 100 ? "complete" : "too-many-headers")
        << count;
  }
}

// ---- results ---------------------------------------------------------------------------------------------

TEST(Heads, UpToTheLimitsThatAreChosen) {
  constexpr http::HeadLimits kLargest{http::kLargestHead, http::kMostFields};
  const auto parsed = [](const string& first, const string& rest, const http::HeadLimits& limits) {
    http::RequestHead request;
    http::ResponseHead response;
    const http::Parsed found = first.starts_with("HTTP/")
                                   ? http::parse_response(first + rest, 0, false, response, limits)
                                   : http::parse_request(first + rest, 0, request, limits);
    return found.what == http::Parsed::What::bad       ? found.why
           : found.what == http::Parsed::What::partial ? Reason::no_buffer
                                                       : Reason::none;
  };
  for (const string first : {"GET / HTTP/1.1\r\nHost: h\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n"}) {
    for (const std::size_t bytes :
         {std::size_t{1000}, http::kHeadBytesMax, std::size_t{16384}, http::kLargestHead}) {
      const auto head = [&first](std::size_t size) {
        return "C: " + string(size - first.size() - 7, 'c') + "\r\n\r\n";
      };
      EXPECT_EQ(parsed(first, head(bytes), {bytes, 2}), Reason::none) << bytes;
      EXPECT_EQ(parsed(first, head(bytes + 1), {bytes, 2}), Reason::head_too_large) << bytes;
      EXPECT_EQ(parsed(first, head(bytes + 1).substr(0, bytes - first.size() - 1), {bytes, 2}),
                Reason::no_buffer);
    }
    for (const std::size_t fields :
         {std::size_t{2}, http::kFieldsMax, http::kFieldsMax + 1, http::kMostFields}) {
      string rest;
      for (std::size_t i = 1; i < fields; ++i) rest += "a: b\r\n";
      EXPECT_EQ(parsed(first, rest + "\r\n", {kLargest.bytes, fields}), Reason::none) << fields;
      EXPECT_EQ(parsed(first, rest + "a: b\r\n\r\n", {kLargest.bytes, fields}), Reason::too_many_headers)
          << fields;
    }
  }
}

TEST(RequestHead, Expect) {
  struct Row {
    const char* title;
    string text;
    bool expects;
  };
  const Row rows[] = {
      {"100-continue", get11("Expect: 100-continue\r\n"), true},
      {"in any case", get11("EXPECT: 100-Continue\r\n"), true},
      {"in HTTP/1.0 (RFC 9110 section 10.1.1: ignored)", get("Expect: 100-continue\r\n"), false},
      {"among empty elements", get11("Expect: ,100-continue ,\r\nExpect:\r\n"), true},
      {"another one", get11("Expect: tea\r\n"), false},
      {"none", get11(""), false},
  };
  for (const Row& row : rows) {
    http::RequestHead head;
    ASSERT_EQ(http::parse_request(row.text, 0, head).what, What::complete) << row.title;
    EXPECT_EQ(head.expects_continue, row.expects) << row.title;
  }
}

TEST(ResponseHead, BodyFraming) {
  using Kind = http::Body::Kind;
  struct Row {
    const char* title;
    string text;
    bool to_head;
    http::Body body;
  };
  const string length = "Content-Length: 5\r\n\r\n", chunked = "Transfer-Encoding: chunked\r\n\r\n";
  // RFC 9112 section 6.3, in the order of its rules.
  const Row rows[] = {
      {"1. to a HEAD, a length", "HTTP/1.1 200 OK\r\n" + length, true, {Kind::none, 0}},
      {"1. to a HEAD, chunks", "HTTP/1.1 200 OK\r\n" + chunked, true, {Kind::none, 0}},
      {"1. to a HEAD, neither", "HTTP/1.1 200 OK\r\n\r\n", true, {Kind::none, 0}},
      {"1. 100", "HTTP/1.1 100 C\r\n" + length, false, {Kind::none, 0}},
      {"1. 199", "HTTP/1.1 199 C\r\n" + chunked, false, {Kind::none, 0}},
      {"1. 204, a length", "HTTP/1.1 204 N\r\n" + length, false, {Kind::none, 0}},
      {"1. 204, chunks", "HTTP/1.1 204 N\r\n" + chunked, false, {Kind::none, 0}},
      {"1. 304, a length", "HTTP/1.1 304 N\r\n" + length, false, {Kind::none, 0}},
      {"1. 304, neither", "HTTP/1.1 304 N\r\n\r\n", false, {Kind::none, 0}},
      {"1. to a HEAD, both", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + chunked, true, {Kind::none, 0}},
      {"1. to a HEAD, two lengths",
       "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n" + length,
       true,
       {Kind::none, 0}},
      {"1. to a HEAD, chunks in 1.0", "HTTP/1.0 200 OK\r\n" + chunked, true, {Kind::none, 0}},
      {"4. chunks in 1.0", "HTTP/1.0 200 OK\r\n" + chunked, false, {Kind::chunked, 0}},
      {"5. a length twice", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n" + length, false, {Kind::length, 5}},
      {"4. chunks", "HTTP/1.1 200 OK\r\n" + chunked, false, {Kind::chunked, 0}},
      {"4. identity, up to the end",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
       false,
       {Kind::until_eof, 0}},
      {"4. identity, chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, chunked\r\n\r\n",
       false,
       {Kind::chunked, 0}},
      {"6. a length", "HTTP/1.1 200 OK\r\n" + length, false, {Kind::length, 5}},
      {"6. a length in an error", "HTTP/1.1 404 N\r\n" + length, false, {Kind::length, 5}},
      {"6. a length in 205", "HTTP/1.1 205 R\r\n" + length, false, {Kind::length, 5}},
      {"6. the greatest length",
       "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
       false,
       {Kind::length, ~std::uint64_t{0}}},
      {"8. neither", "HTTP/1.1 200 OK\r\n\r\n", false, {Kind::until_eof, 0}},
      {"8. neither, in 203", "HTTP/1.0 203 O\r\n\r\n", false, {Kind::until_eof, 0}},
  };
  for (const Row& row : rows) {
    http::ResponseHead head;
    ASSERT_EQ(http::parse_response(row.text, 0, row.to_head, head).what, What::complete) << row.title;
    EXPECT_EQ(head.body, row.body) << row.title;
  }
}

TEST(RequestHead, Fields) {
  http::RequestHead head;
  const string text =
      "POST http://u:p@Example.test:8080/a/b?c=d#e HTTP/1.1\r\nHost: x\r\nCookie: "
      "1\r\nCookie:2\r\nContent-Length: 7\r\n\r\nbody";
  const Parsed parsed = http::parse_request(text, 0, head);
  ASSERT_EQ(parsed.what, What::complete);
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
  // The same in two pieces.
  http::RequestHead again;
  ASSERT_EQ(http::parse_request(string_view{text}.substr(0, 60), 0, again).what, What::partial);
  ASSERT_EQ(http::parse_request(text, 60, again).what, What::complete);
  EXPECT_EQ(again.authority.host, "Example.test");
  EXPECT_EQ(again.fields.all().size(), 4U);
}

TEST(RequestHead, TargetComponents) {
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
    ASSERT_EQ(http::parse_request(text, 0, head).what, What::complete) << row.target;
    EXPECT_EQ(head.authority.host, row.host) << row.target;
    EXPECT_EQ(head.authority.port, row.port) << row.target;
    EXPECT_EQ(head.authority.ipv6, row.ipv6) << row.target;
    EXPECT_EQ(head.path, row.path) << row.target;
  }
}

TEST(ResponseHead, Fields) {
  http::ResponseHead head;
  ASSERT_EQ(http::parse_response("HTTP/1.1 404 Not Here\r\ndate: x\r\n\r\n", 0, false, head).what,
            What::complete);
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.phrase, "Not Here");
  EXPECT_EQ(head.version, http::Version::http11);
  EXPECT_TRUE(head.has_date);
  EXPECT_FALSE(head.interim());
  ASSERT_EQ(http::parse_response("HTTP/1.0 100 C\r\n\r\n", 0, false, head).what, What::complete);
  EXPECT_TRUE(head.interim());
  EXPECT_FALSE(head.has_date);
}

// ---- a second parser -------------------------------------------------------------------------------------

struct Pattern {
  explicit Pattern(const string& text) {
    if (::regcomp(&compiled, text.c_str(), REG_EXTENDED) != 0) std::abort();
  }
  ~Pattern() { ::regfree(&compiled); }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  regex_t compiled;
};

// True if the whole text matches the pattern (regex(7)); `groups` are then the contents of its brackets.
bool is_like(const char* pattern, const string& text, std::vector<string>& groups) {
  static std::map<string, Pattern> patterns;
  const regex_t& compiled = patterns.try_emplace(pattern, pattern).first->second.compiled;
  std::array<regmatch_t, 8> found;
  if (::regexec(&compiled, text.c_str(), found.size(), found.data(), 0) != 0) return false;
  groups.clear();
  for (const regmatch_t& group : found)
    groups.push_back(group.rm_so < 0 ? ""
                                     : text.substr(static_cast<std::size_t>(group.rm_so),
                                                   static_cast<std::size_t>(group.rm_eo - group.rm_so)));
  return true;
}

// Parses a request by the grammar, with regular expressions and the limits and choices that head.hpp states.
// It parses complete heads only: each input ends in two line ends.
struct SecondReader {
  bool good = false;
  std::size_t length = 0;
  string method, target, host, path;
  unsigned long port = 80;
  std::vector<std::pair<string, string>> fields;

  explicit SecondReader(const string& text) { good = read(text); }

  static string lowered(string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
  }

  bool read(const string& text) {
    const std::size_t start = text.starts_with("\r\n") ? 2 : 0;
    const std::size_t end = text.find("\r\n\r\n", start);
    if (end == string::npos || text.compare(start, 2, "\r\n") == 0) return false;
    length = end + 4;
    std::vector<string> lines{""};
    for (std::size_t i = start; i < end + 2; ++i) {
      if (text.compare(i, 2, "\r\n") == 0) {
        lines.emplace_back();
        ++i;
        continue;
      }
      const auto byte = static_cast<unsigned char>(text[i]);
      if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
      lines.back() += text[i];
    }
    lines.pop_back();
    for (std::size_t i = 1; i < lines.size(); ++i)
      if (!read_field(lines[i])) return false;
    return fields.size() <= 100 && read_first(lines[0]) && read_lengths();
  }

  bool read_field(const string& line) {
    if (!is_like("^([-!#$%&'*+.^_`|~0-9A-Za-z]+):(.*)$", line, found_)) return false;
    const string name = found_[1], value = found_[2];
    const std::size_t first = std::min(value.find_first_not_of(" \t"), value.size());
    const std::size_t last = value.find_last_not_of(" \t");
    fields.emplace_back(name, last == string::npos ? "" : value.substr(first, last + 1 - first));
    return true;
  }

  bool read_first(const string& line) {
    if (!is_like("^([-!#$%&'*+.^_`|~0-9A-Za-z]{1,32}) ([^ \t]+) HTTP/1\\.([0-9])$", line, found_))
      return false;
    method = found_[1];
    target = found_[2];
    is_10 = found_[3] == "0";
    if (!read_host(method != "CONNECT" && target != "*" && target[0] != '/')) return false;
    if (method == "CONNECT")
      return target.find_first_of("/?#@") == string::npos && read_authority(target, true);
    if (target == "*" || target[0] == '/') {
      path = target == "*" ? "" : target.substr(0, target.find('#'));
      return true;
    }
    if (!is_like("^([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(#.*)?$", target, found_)) return false;
    if (lowered(found_[1]) != "http" && lowered(found_[1]) != "ws") return true;
    path = found_[3];
    string authority = found_[2];
    if (const std::size_t at = authority.find('@'); at != string::npos) {
      if (!is_like("^[-._~!$&'()*+,;=%:A-Za-z0-9]*$", authority.substr(0, at), found_)) return false;
      authority.erase(0, at + 1);
    }
    return read_authority(authority, false);
  }

  bool read_authority(const string& text, bool needs_port) {
    if (!is_like("^(\\[([0-9A-Fa-f:.]+)]|([-._A-Za-z0-9]+))(:([0-9]*))?$", text, found_)) return false;
    const string six_text = found_[2], name = found_[3], digits = found_[5];
    if (needs_port && digits.empty()) return false;
    port = 80;
    if (!digits.empty()) {
      const std::size_t first = std::min(digits.find_first_not_of('0'), digits.size());
      if (digits.size() - first > 5 || digits.size() == first) return false;
      port = std::stoul(digits.substr(first));
      if (port > 65535) return false;
    }
    in6_addr six{};
    in_addr four{};
    host = six_text.empty() ? name : six_text;
    if (!six_text.empty()) return ::inet_pton(AF_INET6, host.c_str(), &six) == 1;
    if (host.size() > 253 || is_like("^(.*\\.)?\\.$", host, found_)) return false;
    return !is_like("^(.*\\.)?([0-9]+|0[xX][0-9A-Fa-f]*)\\.?$", host, found_) ||
           ::inet_pton(AF_INET, host.c_str(), &four) == 1;
  }

  // Any name in Host, in RFC 3986's words.
  bool read_host_field(const string& value) {
    if (value.starts_with("[")) return read_authority(value, false);
    return is_like("^([-._~!$&'()*+,;=%A-Za-z0-9]{1,253})(:[0-9]*)?$", value, found_) &&
           read_authority("h" + string{found_[2]}, false);
  }

  // RFC 9112 section 3.2.2: beside an absolute target the value does not count.
  bool read_host(bool absolute) {
    int hosts = 0;
    for (const auto& [name, value] : fields) {
      if (lowered(name) != "host") continue;
      if (++hosts > 1 || (!absolute && !read_host_field(value))) return false;
    }
    host.clear();
    return hosts == 1 || is_10;
  }

  bool read_lengths() {
    std::vector<string> lengths, encodings;
    for (const auto& [name, value] : fields) {
      if (lowered(name) == "content-length") lengths.push_back(value);
      if (lowered(name) == "transfer-encoding") encodings.push_back(lowered(value));
    }
    if (lengths.size() + encodings.size() > 1) return false;
    if (encodings.size() == 1) return !is_10 && is_like("^[, \t]*chunked[, \t]*$", encodings[0], found_);
    return lengths.empty() || is_like("^0*[0-9]{1,19}$", lengths[0], found_);
  }

  bool is_10 = true;
  std::vector<string> found_;
};

const string kSeeds[] = {
    "GET http://h/ HTTP/1.0\r\n\r\n",
    "\r\nGET http://a.b:8080/c?d=e#f HTTP/1.1\r\nHost: a.b:8080\r\nCookie: x=y; z\r\nA:\r\n\r\n",
    "POST http://u:p@[::1]:81/x HTTP/1.1\r\nhost:[::1]:81\r\nContent-Length: 12\r\nAccept: */*\r\n\r\n",
    "PUT http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nB: \t c \t\r\n\r\n",
    "CONNECT h.test:443 HTTP/1.1\r\nHost: h.test:443\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /a/b HTTP/1.0\r\nHost: h\r\nX-\xe4: no\r\n\r\n",
    "GET https://h/ HTTP/1.0\r\nA: \xc3\xa4\r\n\r\n",
};

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}
  string next() {
    string text = kSeeds[below(std::size(kSeeds))];
    for (std::size_t n = 1 + below(3); n > 0; --n) change(text);
    return text + "\r\n\r\n";
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  string piece() {
    static const string kPieces[] = {
        "\r",
        "\n",
        "\r\n",
        " ",
        "\t",
        ":",
        "/",
        "?",
        "#",
        "@",
        "[",
        "]",
        ".",
        ",",
        "0",
        "1",
        "9",
        "0x",
        "%",
        "-",
        "_",
        "+",
        "a",
        "HTTP",
        "http://",
        "://",
        "\x7f",
        "\x80",
        "\x01",
        string(1, '\0'),
        "*",
        "CONNECT",
        "Host: h\r\n",
        "Content-Length: 1\r\n",
        "Transfer-Encoding: chunked\r\n",
        "A: b\r\n",
        "1.1",
        "1.0",
        "127.0.0.1",
        "::",
    };
    return kPieces[below(std::size(kPieces))];
  }
  void change(string& text) {
    const std::size_t at = below(text.size() + 1);
    switch (below(5)) {
      case 0: text.insert(at, piece()); return;
      case 1: text.erase(at, 1 + below(3)); return;
      case 2: text.replace(at, std::min<std::size_t>(1, text.size() - at), piece()); return;
      case 3: text.insert(at, text.substr(below(text.size()), 1 + below(12))); return;
      default:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
    }
  }
  std::mt19937 random_;
};

TEST(RequestHead, ASecondParserAgrees) {
  Mutator mutator{20260101};
  int good = 0;
  for (int i = 0; i < 30'000; ++i) {
    const string text = mutator.next();
    const SecondReader second{text};
    http::RequestHead head;
    const Parsed first = i % 16 == 0 ? judged<http::RequestHead>(text, "mutation " + std::to_string(i))
                                     : http::parse_request(text, 0, head);
    if (i % 16 == 0) http::parse_request(text, 0, head);
    ASSERT_NE(first.what, What::partial) << testing::PrintToString(text);
    ASSERT_EQ(first.what == What::complete, second.good)
        << testing::PrintToString(text) << " is " << name_of(first) << ", to the second parser "
        << (second.good ? "good" : "bad");
    if (!second.good) continue;
    ++good;
    EXPECT_EQ(first.length, second.length) << testing::PrintToString(text);
    EXPECT_EQ(head.method, second.method);
    EXPECT_EQ(head.target, second.target);
    if (head.form != http::TargetForm::asterisk &&
        (head.form != http::TargetForm::absolute || head.plain_http)) {
      EXPECT_EQ(head.path, second.path) << testing::PrintToString(text);
    }
    if (head.form == http::TargetForm::authority || head.plain_http) {
      EXPECT_EQ(head.authority.host, second.host) << testing::PrintToString(text);
      EXPECT_EQ(head.authority.port, second.port) << testing::PrintToString(text);
    }
    ASSERT_EQ(head.fields.all().size(), second.fields.size()) << testing::PrintToString(text);
    for (std::size_t f = 0; f < second.fields.size(); ++f) {
      EXPECT_EQ(head.fields.all()[f].name, second.fields[f].first) << testing::PrintToString(text);
      EXPECT_EQ(head.fields.all()[f].value, second.fields[f].second) << testing::PrintToString(text);
    }
  }
  EXPECT_GT(good, 3000) << "the mutations are too wild to prove much";
}

}  // namespace
