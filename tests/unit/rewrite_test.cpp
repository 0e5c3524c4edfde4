// The head for the next hop (RFC 9110 sections 7.6 and 7.2), and the proxy's own responses.
#include "../../src/http/rewrite.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "../../src/base/text.hpp"
#include "../../src/http/reply.hpp"
#include "../../src/http/status.hpp"

namespace {

using std::string;
using std::string_view;

constexpr http::ProxyFields kHop{"proxy", "Sun, 06 Nov 1994 08:49:37 GMT"};

string request(string_view text) {
  http::RequestHead head;
  EXPECT_EQ(http::parse_request(text, 0, head).what, http::Parsed::What::complete) << text;
  std::array<char, 16384> room;
  return string{room.data(), http::write_request(head, kHop, {}, room)};
}

string response(string_view text) {
  http::ResponseHead head;
  EXPECT_EQ(http::parse_response(text, 0, false, head).what, http::Parsed::What::complete) << text;
  std::array<char, 16384> room;
  return string{room.data(), http::write_response(head, kHop, {}, room)};
}

TEST(WriteRequest, OriginFormAndHost) {
  const string end = "Via: 1.0 proxy\r\nConnection: close\r\n\r\n";
  struct Row {
    string_view target, line, host;
  };
  const Row rows[] = {
      {"http://h/a?b", "/a?b", "h"},
      {"http://h", "/", "h"},
      {"http://h?q", "/?q", "h"},
      {"http://h:80/", "/", "h"},
      {"http://h:8080/", "/", "h:8080"},
      {"http://u:p@h/x#y", "/x", "h"},
      {"http://[::1]/", "/", "[::1]"},
      {"http://[::1]:81/", "/", "[::1]:81"},
      {"HTTP://Host.Test/%41", "/%41", "Host.Test"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(request("GET " + string{row.target} + " HTTP/1.0\r\n\r\n"),
              "GET " + string{row.line} + " HTTP/1.0\r\nHost: " + string{row.host} + "\r\n" + end);
}

TEST(WriteRequest, OptionsOfTheWholeServer) {  // RFC 9112 section 3.2.4
  const string end = "Via: 1.0 proxy\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(request("OPTIONS http://h HTTP/1.0\r\n\r\n"), "OPTIONS * HTTP/1.0\r\nHost: h\r\n" + end);
  EXPECT_EQ(request("OPTIONS http://h/ HTTP/1.0\r\n\r\n"), "OPTIONS / HTTP/1.0\r\nHost: h\r\n" + end);
  EXPECT_EQ(request("OPTIONS http://h?q HTTP/1.0\r\n\r\n"), "OPTIONS /?q HTTP/1.0\r\nHost: h\r\n" + end);
}

string request_in(const http::Form& form, string_view text) {
  http::RequestHead head;
  EXPECT_EQ(http::parse_request(text, 0, head).what, http::Parsed::What::complete) << text;
  std::array<char, 16384> room;
  return string{room.data(), http::write_request(head, kHop, form, room)};
}

TEST(WriteRequest, AbsoluteFormForAnotherProxy) {
  const string end = "Via: 1.0 proxy\r\nConnection: close\r\n\r\n";
  struct Row {
    string_view request, target, host;
  };
  const Row rows[] = {
      {"GET http://h/a?b", "http://h/a?b", "h"},
      {"GET http://h", "http://h/", "h"},
      {"GET http://h?q", "http://h/?q", "h"},
      {"GET http://h:80/", "http://h/", "h"},
      {"GET http://u:p@h:8080/x#y", "http://h:8080/x", "h:8080"},
      {"GET HTTP://[::1]:81/", "http://[::1]:81/", "[::1]:81"},
      {"OPTIONS http://h", "http://h", "h"},  // RFC 9112 section 3.2.4
      {"OPTIONS http://h/", "http://h/", "h"},
      {"OPTIONS http://h?q", "http://h/?q", "h"},
  };
  for (const Row& row : rows) {
    const string method{row.request.substr(0, row.request.find(' ') + 1)};
    EXPECT_EQ(request_in({.absolute = true}, string{row.request} + " HTTP/1.0\r\n\r\n"),
              method + string{row.target} + " HTTP/1.0\r\nHost: " + string{row.host} + "\r\n" + end);
  }
}

TEST(WriteRequest, CredentialsOfTheClientAreNotForwarded) {
  EXPECT_EQ(
      request_in({.absolute = true, .credentials = "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
                 "GET http://h/ HTTP/1.1\r\nHost: h\r\nProxy-Authorization: Basic eDp5\r\nA: b\r\n\r\n"),
      "GET http://h/ HTTP/1.0\r\nHost: h\r\nA: b\r\nProxy-Authorization: Basic "
      "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nVia: 1.1 proxy\r\nConnection: close\r\n\r\n");
}

// ---- for an upstream server ----------------------------------------------------------------------------

http::Form reverse(const char* client, string_view scheme = "http") {
  http::Form form{.via = false, .reverse = true, .scheme = scheme};
  EXPECT_TRUE(*client == '\0' || sys::parse_ip(client, 4711, form.client));
  return form;
}

TEST(WriteReverse, DescribesTheOriginalRequest) {
  const string end = "Connection: close\r\n\r\n";
  struct Row {
    const char* client;
    string_view scheme, host;        // received
    string_view in_list, forwarded;  // forwarded
  };
  const Row rows[] = {
      {"192.0.2.43", "http", "h", "192.0.2.43", "for=192.0.2.43;host=h;proto=http"},
      {"::ffff:192.0.2.43", "https", "h.test", "192.0.2.43", "for=192.0.2.43;host=h.test;proto=https"},
      {"2001:db8:cafe::17", "http", "h:80", "2001:db8:cafe::17",
       "for=\"[2001:db8:cafe::17]\";host=\"h:80\";proto=http"},
      {"::1", "http", "[::1]", "::1", "for=\"[::1]\";host=\"[::1]\";proto=http"},
      {"::1", "http", "[::1]:81", "::1", "for=\"[::1]\";host=\"[::1]:81\";proto=http"},
      {"", "http", "h", "unknown", "for=unknown;host=h;proto=http"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(request_in(reverse(row.client, row.scheme),
                         "GET /a?b#c HTTP/1.1\r\nA: 1\r\nHost: " + string{row.host} + "\r\nB: 2\r\n\r\n"),
              "GET /a?b HTTP/1.0\r\nHost: " + string{row.host} + "\r\nA: 1\r\nB: 2\r\nX-Forwarded-For: " +
                  string{row.in_list} + "\r\nForwarded: " + string{row.forwarded} +
                  "\r\nX-Real-IP: " + string{row.in_list} + "\r\nX-Forwarded-Proto: " + string{row.scheme} +
                  "\r\nX-Forwarded-Host: " + string{row.host} + "\r\n" + end);
}

TEST(WriteReverse, AnInterfaceIsNotForwarded) {
  http::Form form = reverse("fe80::1");
  form.client.scope = 3;
  const string out = request_in(form, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(out.find("X-Forwarded-For: fe80::1\r\nForwarded: for=\"[fe80::1]\";"), string::npos) << out;
}

TEST(WriteReverse, HostIsUnchanged) {
  const auto host_of = [](const string& request) {
    http::Form form = reverse("192.0.2.1");
    form.host = "fallback:81";
    const string out = request_in(form, request);
    const std::size_t at = out.find("\r\nHost:");
    EXPECT_EQ(out.find("\r\nHost:", at + 1), string::npos);
    return out.substr(at + 2, out.find("\r\n", at + 2) - at - 2);
  };
  EXPECT_EQ(host_of("GET / HTTP/1.1\r\nhost:  Ex.Ample:0080\r\n\r\n"), "Host: Ex.Ample:0080");
  EXPECT_EQ(host_of("GET / HTTP/1.1\r\nConnection: Host\r\nHost: h\r\n\r\n"), "Host: h");
  EXPECT_EQ(host_of("GET / HTTP/1.0\r\n\r\n"), "Host: fallback:81");
  // RFC 9112 section 3.2.2: the target's host counts.
  EXPECT_EQ(host_of("GET http://t:8080/ HTTP/1.1\r\nHost: h\r\n\r\n"), "Host: t:8080");
}

TEST(WriteReverse, OmitsFieldsThatAreNotConfigured) {
  const string out = request_in(reverse("192.0.2.1"), "GET / HTTP/1.0\r\nX-Forwarded-Host: evil\r\n\r\n");
  EXPECT_EQ(out,
            "GET / HTTP/1.0\r\nHost: \r\nX-Forwarded-For: 192.0.2.1\r\nForwarded: "
            "for=192.0.2.1;proto=http\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nConnection: "
            "close\r\n\r\n");
}

TEST(WriteReverse, AZeroFilledPortIsNormalized) {
  const string out = request_in(reverse("192.0.2.1"), "GET / HTTP/1.1\r\nHost: h:0000000081\r\n\r\n");
  EXPECT_NE(out.find("\r\nX-Forwarded-Host: h:81\r\n"), string::npos) << out;
  EXPECT_NE(out.find(";host=\"h:81\";"), string::npos) << out;
  EXPECT_NE(request_in(reverse("::1"), "GET / HTTP/1.1\r\nHost: h:\r\n\r\n").find("X-Forwarded-Host: h\r\n"),
            string::npos);
}

TEST(WriteReverse, WhatAClientSaysOfItsWayIsReplaced) {
  const string out = request_in(
      reverse("192.0.2.9"),
      "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\nForwarded: for=\"evil\r\nX-Forwarded-Proto: "
      "https\r\nx-forwarded-HOST: evil\r\nX-Forwarded-Port: 443\r\nX-Forwarded: 1\r\nX-Real-IP: 1.1.1.1\r\n"
      "x-real-ip: 2.2.2.2\r\nX_Real.IP: 3.3.3.3\r\n\r\n");
  EXPECT_EQ(out,
            "GET / HTTP/1.0\r\nHost: h\r\nX-Forwarded: 1\r\nX-Forwarded-For: 192.0.2.9\r\nForwarded: "
            "for=192.0.2.9;host=h;proto=http\r\nX-Real-IP: 192.0.2.9\r\nX-Forwarded-Proto: "
            "http\r\nX-Forwarded-Host: h\r\n"
            "Connection: close\r\n\r\n");
}

http::Form trusted(const char* client) {
  http::Form form = reverse(client);
  form.trusted = true;
  return form;
}

TEST(WriteReverse, WhatATrustedProxySaysIsKeptAndExtended) {
  const string out = request_in(
      trusted("192.0.2.9"),
      "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\nForwarded: for=\"[::1]:8\"; proto=https,\r\n"
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\nX-Forwarded-Port: 443\r\nX-Real-IP: "
      "1.1.1.1\r\n"
      "X_Real_IP: 3.3.3.3\r\n\r\n");
  EXPECT_EQ(out,
            "GET / HTTP/1.0\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1, 192.0.2.9\r\nForwarded: for=\"[::1]:8\"; "
            "proto=https,, for=192.0.2.9;host=h;proto=http\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: "
            "shop.test\r\nX-Forwarded-Port: 443\r\nX-Real-IP: 1.1.1.1\r\nConnection: close\r\n\r\n");
}

TEST(WriteReverse, AMalformedForwardedIsDropped) {
  for (const char* value : {"for=\"evil", "for=10.0.0.1;by=\"", "for=8.8.8.8;x=\"\\", "for", "for=a b", "=a",
                            "for=[::1]", "for=\"a\"b", "for==a", "\"for\"=a", "for=a/b", "for=\"\\\""}) {
    const string out = request_in(trusted("192.0.2.9"),
                                  "GET / HTTP/1.1\r\nHost: h\r\nForwarded: for=1.1.1.1\r\n"
                                  "Forwarded: " +
                                      string{value} + "\r\n\r\n");
    EXPECT_EQ(out.find("orwarded: "), out.find("orwarded: for=192.0.2.9;host=h;proto=http\r\n")) << value;
    EXPECT_EQ(out.find("1.1.1.1"), string::npos) << value;
  }
  for (const char* value : {"", "for=a", "For=a;BY=b", ";,;for=_x , for=\"a,b;\\\"c\" ;secret=d", "for=\"\""})
    EXPECT_NE(request_in(trusted("192.0.2.9"),
                         "GET / HTTP/1.1\r\nHost: h\r\nForwarded: " + string{value} + "\r\n\r\n")
                  .find("\r\nForwarded: " + string{value} + (*value == '\0' ? "" : ", ") + "for=192.0.2.9;"),
              string::npos)
        << value;
}

TEST(WriteReverse, NamesThatCgiReadsAsOursAreDropped) {
  for (const bool is_trusted : {false, true})
    for (const char* name :
         {"X_Forwarded_Proto", "x-forwarded_for", "X_FORWARDED_HOST", "X-Forwarded.Proto", "X_Forwarded_Port",
          "Content_Length", "Transfer_Encoding", "content.length", "Transfer~Encoding", "Keep_Alive",
          "Proxy_Connection", "X_Request_Id", "Max_Forwards", "Proxy_Authorization", "HTTP2_Settings"}) {
      const string out = request_in(is_trusted ? trusted("192.0.2.9") : reverse("192.0.2.9"),
                                    "GET / HTTP/1.1\r\nHost: h\r\n" + string{name} + ": forged\r\n\r\n");
      EXPECT_EQ(out.find("forged"), string::npos) << name;
    }
  for (const char* name : {"X_Mine", "User_Agent", "X_Forwarded", "X_ForwardedFor", "_", "Accept_Encoding"})
    EXPECT_NE(
        request_in(reverse("192.0.2.9"), "GET / HTTP/1.1\r\nHost: h\r\n" + string{name} + ": kept\r\n\r\n")
            .find(string{name} + ": kept"),
        string::npos)
        << name;
  EXPECT_NE(request_in({}, "GET http://h/ HTTP/1.1\r\nHost: h\r\nX_Forwarded_Proto: a\r\n\r\n")
                .find("X_Forwarded_Proto: a"),
            string::npos)
      << "a forward proxy vouches for nothing";
}

TEST(WriteRequest, ConnectionDoesNotRemoveWhatTheProxyPromises) {
  http::Form form;
  form.request_id = "id-1";
  const string all = "Connection: X-Request-Id, Via, X-Mine\r\nVia: 1.1 first\r\nX-Mine: 1\r\n";
  const string out =
      request_in(form, "GET http://h/ HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine\r\n" + all + "\r\n");
  EXPECT_EQ(out,
            "GET / HTTP/1.0\r\nHost: h\r\nX-Request-Id: mine\r\nVia: 1.1 first\r\nVia: 1.1 "
            "proxy\r\nConnection: close\r\n\r\n");
}

TEST(WriteRequest, BytesAboveAsciiInAPathArePercentEncoded) {
  EXPECT_EQ(request_in({}, "GET http://h/\xc3\xa4/%c3?\xff= HTTP/1.0\r\n\r\n"),
            "GET /%C3%A4/%c3?%FF= HTTP/1.0\r\nHost: h\r\nVia: 1.0 proxy\r\nConnection: close\r\n\r\n");
}

TEST(WriteReverse, AHostOfAnyNameIsQuoted) {
  const string out = request_in(reverse("192.0.2.9"), "GET / HTTP/1.1\r\nHost: a;proto=b\r\n\r\n");
  EXPECT_NE(out.find("for=192.0.2.9;host=\"a;proto=b\";proto=http\r\n"), string::npos) << out;
  EXPECT_NE(out.find("\r\nX-Forwarded-Host: a;proto=b\r\n"), string::npos) << out;
  EXPECT_EQ(request_in(reverse("192.0.2.9"), "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n").find("X-Forwarded-Host"),
            string::npos)
      << "it would be a list";
}

// ---- Upgrade ---------------------------------------------------------------------------------------------

TEST(WriteUpgrade, AllLinesAreOneListWithoutWhatNeverPasses) {
  struct Row {
    const char* lines;
    string_view written;
  };
  const Row rows[] = {
      {"Upgrade: websocket\r\n", "websocket"},
      {"Upgrade: one\r\nUpgrade: two\r\n", "one, two"},
      {"Upgrade: one,,two ,\r\nX: y\r\nUpgrade:\r\nUpgrade: three/3\r\n", "one, two, three/3"},
      {"Upgrade: h2c\r\n", ""},
      {"Upgrade: h2c, websocket, TLS/1.0\r\nHTTP2-Settings: AAMA\r\n", "websocket"},
      {"Upgrade: H2C-14\r\nUpgrade: h2, HTTP/2.0, tls\r\n", ""},
      {"Upgrade: \"h2c\", one, a/, /b, x;h2c, two words\r\n", "one"},
      {"Upgrade:\r\n", ""},
  };
  for (const Row& row : rows) {
    http::RequestHead head;
    const string text = "GET http://h/ HTTP/1.1\r\nHost: h\r\nConnection: upgrade, HTTP2-Settings\r\n" +
                        string{row.lines} + "\r\n";
    ASSERT_EQ(http::parse_request(text, 0, head).what, http::Parsed::What::complete);
    const string out = request_in(http::request_form(head, http::Version::http11), text);
    EXPECT_EQ(out.find("HTTP2"), string::npos) << out;
    const string line = "\r\nUpgrade: " + string{row.written} + "\r\nConnection: Upgrade\r\n\r\n";
    EXPECT_EQ(out.find("pgrade"), row.written.empty() ? string::npos : out.find(line) + 3) << out;
  }
}

TEST(WriteUpgrade, OnlyTheConfiguredProtocolsPass) {
  const http::Protocols only{"websocket", "foo/2"};
  http::RequestHead head;
  const string text =
      "GET http://h/ HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: tcp, WebSocket/13, foo/1, "
      "FOO/2\r\n\r\n";
  ASSERT_EQ(http::parse_request(text, 0, head).what, http::Parsed::What::complete);
  EXPECT_NE(request_in(http::request_form(head, http::Version::http11, &only), text)
                .find("\r\nUpgrade: WebSocket/13, FOO/2\r\n"),
            string::npos);
  const http::Protocols none;
  EXPECT_EQ(http::request_form(head, http::Version::http11, &none).upgrade, http::UpgradeLine::none);
  EXPECT_FALSE(http::may_switch(head.fields, &only)) << "not all of them pass";
}

TEST(WriteReverse, AppendsToTheLastReceivedField) {
  const string out = request_in(
      trusted("192.0.2.9"),
      "GET / HTTP/1.1\r\nHost: h\r\nx-forwarded-for: 1.1.1.1\r\nFORWARDED: for=a\r\nA: b\r\nX-Forwarded-For: "
      "2.2.2.2, 3.3.3.3\r\nForwarded:\r\nX-Forwarded-Proto: gopher\r\nx-forwarded-host: evil\r\n\r\n");
  EXPECT_EQ(out,
            "GET / HTTP/1.0\r\nHost: h\r\nx-forwarded-for: 1.1.1.1\r\nFORWARDED: for=a\r\nA: "
            "b\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3, 192.0.2.9\r\nForwarded: "
            "for=192.0.2.9;host=h;proto=http\r\nX-Forwarded-Proto: gopher\r\nx-forwarded-host: evil\r\n"
            "X-Real-IP: 192.0.2.9\r\nConnection: close\r\n\r\n");
}

TEST(WriteReverse, ConnectionRemovesNoForwardingHeader) {
  const string out =
      request_in(trusted("192.0.2.9"),
                 "GET / HTTP/1.1\r\nHost: h\r\nConnection: x-forwarded-for, forwarded, "
                 "X-Forwarded-Proto, X-Real-IP\r\nX-Forwarded-For: 1.1.1.1\r\nForwarded: for=a\r\n\r\n");
  EXPECT_EQ(out,
            "GET / HTTP/1.0\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1, 192.0.2.9\r\nForwarded: for=a, "
            "for=192.0.2.9;host=h;proto=http\r\nX-Real-IP: 192.0.2.9\r\nX-Forwarded-Proto: "
            "http\r\nX-Forwarded-Host: h\r\n"
            "Connection: close\r\n\r\n");
}

TEST(WriteReverse, EachFormOfTheTarget) {
  const auto line_of = [](const string& request) {
    const string out = request_in(reverse("192.0.2.9"), request + " HTTP/1.1\r\nHost: h\r\n\r\n");
    return out.substr(0, out.find(" HTTP/1.0\r\n"));
  };
  EXPECT_EQ(line_of("OPTIONS *"), "OPTIONS *");
  EXPECT_EQ(line_of("OPTIONS /"), "OPTIONS /");
  EXPECT_EQ(line_of("GET //x/../y?"), "GET //x/../y?");
  EXPECT_EQ(line_of("GET http://h?q"), "GET /?q");
}

TEST(WriteReverse, GrowsWithinItsBound) {
  const string host = string(249, 'h') + ".com:65535", via(64, 'v'), id(http::kRequestIdMax, 'i');
  string fields;
  for (int i = 1; i < 100; ++i) fields += "a:b\r\n";
  http::Form form = reverse("2001:db88:1111:2222:3333:4444:5555:6666", "https");
  form.via = true;
  form.request_id = id;
  form.host = host;
  for (const string& text : {"G / HTTP/1.1\r\nHost:" + host + "\r\n" + fields + "\r\n",
                             "G http://" + host + " HTTP/1.1\r\nHost:h\r\n" + fields + "\r\n",
                             "G http://" + host + " HTTP/1.0\r\n" + fields + "a:b\r\n\r\n",
                             "G / HTTP/1.0\r\n" + fields + "a:b\r\n\r\n"}) {
    http::RequestHead head;
    ASSERT_EQ(http::parse_request(text, 0, head).what, http::Parsed::What::complete) << text;
    std::array<char, 16384> room;
    const std::size_t length = http::write_request(head, {via, kHop.date}, form, room);
    ASSERT_NE(length, 0U);
    EXPECT_LE(length, text.size() + http::kRewriteGrowthMax);
  }
}

TEST(WriteRequest,
     EachMaxForwardsIsCountedDownByItself) {  // so that a small one does not grow to a great one
  EXPECT_EQ(request("OPTIONS http://h/ HTTP/1.0\r\nMax-Forwards: 0\r\nMax-Forwards: ?\r\nMax-Forwards: "
                    "4294967295\r\n\r\n"),
            "OPTIONS / HTTP/1.0\r\nHost: h\r\nMax-Forwards: 0\r\nMax-Forwards: ?\r\nMax-Forwards: "
            "4294967294\r\nVia: 1.0 proxy\r\nConnection: close\r\n\r\n");
}

// ---- both ----------------------------------------------------------------------------------------------

TEST(Write, TheLineThatKeepsAConnection) {
  EXPECT_EQ(http::connection_line(http::Version::http11, true), "Connection: close\r\n");
  EXPECT_EQ(http::connection_line(http::Version::http10, true), "Connection: close\r\n");
  EXPECT_EQ(http::connection_line(http::Version::http11, false), "");
  EXPECT_EQ(http::connection_line(http::Version::http10, false), "Connection: keep-alive\r\n");
}

TEST(WriteRequest, FieldsInTheirOrder) {
  EXPECT_EQ(
      request("PUT http://h/ HTTP/1.1\r\nhost: other\r\nCookie: a\r\nX-1:one\r\nCookie: b\r\nContent-Length: "
              "005\r\nx-1:  two \r\n\r\n"),
      "PUT / HTTP/1.0\r\nHost: h\r\nCookie: a\r\nX-1: one\r\nCookie: b\r\nContent-Length: 5\r\nx-1: two\r\n"
      "Via: 1.1 proxy\r\nConnection: close\r\n\r\n");
}

TEST(WriteRequest, HopByHopFieldsAreDropped) {
  const string out = request(
      "GET http://h/ HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Mine ,,te\r\nX-Mine: 1\r\nKeep-Alive: "
      "5\r\n"
      "Proxy-Connection: x\r\nTE: trailers\r\nUpgrade: h2c\r\nProxy-Authorization: Basic eDp5\r\nTrailer: "
      "a\r\n"
      "Connection: x-other\r\nX-Other: 2\r\nVia: 1.0 before\r\nX-Mine-Too: 3\r\n\r\n");
  EXPECT_EQ(out,
            "GET / HTTP/1.0\r\nHost: h\r\nVia: 1.0 before\r\nX-Mine-Too: 3\r\nVia: 1.1 proxy\r\nConnection: "
            "close\r\n\r\n");
}

TEST(WriteRequest, ConnectionCannotRemoveTheLength) {
  const string out =
      request("POST http://h/ HTTP/1.0\r\nConnection: Content-Length\r\nContent-Length: 3\r\n\r\n");
  EXPECT_NE(out.find("\r\nContent-Length: 3\r\n"), string::npos);
}

TEST(WriteRequest, RefusesAFloodOfConnectionOptions) {
  const auto with = [](int count) {
    string text = "GET http://h/ HTTP/1.0\r\nConnection: a";
    for (int i = 1; i < count; ++i) text += ",a";
    return text + "\r\n\r\n";
  };
  EXPECT_FALSE(request(with(32)).empty());
  EXPECT_TRUE(request(with(33)).empty());
}

TEST(WriteRequest, GrowsWithinItsBoundForAnotherProxy) {
  // Host is made from the target, and the target stays; the request has none of the fields that we add.
  const string host = string(249, 'h') + ".com", via(64, 'v'), id(http::kRequestIdMax, 'i');
  const string credentials(http::kCredentialsBytesMax, 'c');
  string text = "G http://" + host + ":65535 HTTP/1.0\r\n";
  for (int i = 0; i < 100; ++i) text += "a:b\r\n";
  text += "\r\n";
  http::RequestHead head;
  ASSERT_EQ(http::parse_request(text, 0, head).what, http::Parsed::What::complete);
  const http::Form form{.request_id = id, .absolute = true, .credentials = credentials};
  std::array<char, 16384> room;
  const std::size_t length = http::write_request(head, {via, kHop.date}, form, room);
  ASSERT_NE(length, 0U);
  EXPECT_LE(length, text.size() + http::kRewriteGrowthMax);
}

TEST(WriteRequest, TheResultParsesToTheSame) {
  const string out =
      request("GET http://h:81/a?b HTTP/1.1\r\nHost: x\r\nA: b c\r\nD:\r\nContent-Length: 9\r\n\r\n");
  http::RequestHead head;
  ASSERT_EQ(http::parse_request(out, 0, head).what, http::Parsed::What::complete);
  EXPECT_EQ(head.form, http::TargetForm::origin);
  EXPECT_EQ(head.path, "/a?b");
  EXPECT_EQ(head.version, http::Version::http10);
  EXPECT_EQ(head.body, (http::Body{http::Body::Kind::length, 9}));
  ASSERT_EQ(head.fields.all().size(), 6U);
  EXPECT_EQ(head.fields.all()[0].value, "h:81");
  EXPECT_EQ(head.fields.all()[2].name, "D");
}

TEST(WriteResponse, StatusAndFields) {
  EXPECT_EQ(
      response("HTTP/1.1 404 Not Found\r\nServer: s\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nDate: "
               "x\r\nContent-Length: 07\r\n"
               "Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 2\r\nProxy-Authenticate: y\r\n\r\n"),
      "HTTP/1.0 404 Not Found\r\nServer: s\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nDate: x\r\nContent-Length: "
      "7\r\n"
      "Via: 1.1 proxy\r\nConnection: close\r\n\r\n");
}

TEST(WriteResponse, AddsAMissingDate) {
  EXPECT_EQ(
      response("HTTP/1.0 200\r\n\r\n"),
      "HTTP/1.0 200 \r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nVia: 1.0 proxy\r\nConnection: close\r\n\r\n");
}

TEST(WriteResponse, ADateNamedByConnectionIsReplaced) {
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nDate: x\r\nConnection: Date\r\n\r\n"),
            "HTTP/1.0 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nVia: 1.1 proxy\r\nConnection: "
            "close\r\n\r\n");
}

TEST(WriteResponse, WithoutViaFieldsAreUnchanged) {
  const string text =
      "HTTP/1.1 200 Fine\r\nserver: s\r\nSet-Cookie: a\r\nx: \r\nVia: 1.1 inner\r\nDate: then\r\nSet-Cookie: "
      "b\r\nContent-Length: 7\r\n\r\n";
  http::ResponseHead head;
  ASSERT_EQ(http::parse_response(text, 0, false, head).what, http::Parsed::What::complete);
  std::array<char, 1024> room;
  const http::Form form{.version = http::Version::http11, .close = false, .via = false};
  EXPECT_EQ(string(room.data(), http::write_response(head, kHop, form, room)), text);
}

TEST(WriteResponse, ChunkedIsNotAnnounced) {
  const string out =
      response("HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n");
  EXPECT_EQ(out, "HTTP/1.0 200 OK\r\nDate: x\r\nVia: 1.1 proxy\r\nConnection: close\r\n\r\n");
}

TEST(WriteResponse, NoLengthIn204) {
  EXPECT_EQ(response("HTTP/1.1 204 No\r\nDate: x\r\nContent-Length: 0\r\n\r\n"),
            "HTTP/1.0 204 No\r\nDate: x\r\nVia: 1.1 proxy\r\nConnection: close\r\n\r\n");
  EXPECT_NE(response("HTTP/1.1 304 No\r\nDate: x\r\nContent-Length: 5\r\n\r\n").find("Content-Length: 5"),
            string::npos)
      << "it is that of the representation (RFC 9110 section 15.4.5)";
}

TEST(WriteDate, KnownInstants) {
  struct Row {
    std::uint64_t seconds;
    string_view text;
  };
  const Row rows[] = {
      {784'111'777, "Sun, 06 Nov 1994 08:49:37 GMT"},  // RFC 9110 section 5.6.7
      {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
      {951'782'400, "Tue, 29 Feb 2000 00:00:00 GMT"},
      {4'107'542'399, "Sun, 28 Feb 2100 23:59:59 GMT"},
      {4'107'542'400, "Mon, 01 Mar 2100 00:00:00 GMT"},
  };
  for (const Row& row : rows) {
    std::array<char, http::kDateBytes> room;
    http::write_date(row.seconds * 1000 + 999, room);
    EXPECT_EQ(string_view(room.data(), room.size()), row.text);
  }
}

string answer_to(const http::ErrorDetails& failure) {
  std::array<char, http::kErrorResponseBytesMax> room;
  return {room.data(), http::write_error_response(failure, kHop, room)};
}

// Everything that a response can contain: this is the longest.
struct Everything {
  Everything() {
    address.family = sys::Address::Family::ipv6;
    address.bytes.fill(0xcd);
    address.scope = 0xffffffff;
    address.port = 65535;
    addresses.fill(address);
    attempts.fill({0xffffffff, EADDRNOTAVAIL});
  }
  [[nodiscard]] http::ErrorDetails failure(base::Reason reason, bool as_page) const {
    return {.reason = reason,
            .detail = base::Reason::bad_version,
            .error = EPROTONOSUPPORT,
            .id = ~std::uint64_t{0},
            .phase = "sending the request to the host (SEND_REQUEST)",
            .host = host,
            .port = 65535,
            .received = 599,
            .addresses = addresses,
            .attempts = attempts,
            .as_page = as_page};
  }
  sys::Address address;
  string host = string(http::kHostBytesMax, 'h');
  std::array<sys::Address, 8> addresses{};
  std::array<http::Attempt, 8> attempts{};
};

TEST(WriteAnswer, IsACompleteResponse) {
  http::ErrorDetails failure{.reason = base::Reason::connection_refused, .host = "h", .port = 1};
  const string out = answer_to(failure);
  http::ResponseHead head;
  const auto parsed = http::parse_response(out, 0, false, head);
  ASSERT_EQ(parsed.what, http::Parsed::What::complete);
  EXPECT_EQ(head.status, 502);
  EXPECT_EQ(head.phrase, "Bad Gateway");
  EXPECT_TRUE(head.has_date);
  EXPECT_EQ(head.body, (http::Body{http::Body::Kind::length, out.size() - parsed.length}));
  EXPECT_NE(out.find("refused the connection"), string::npos);
  EXPECT_NE(out.find("\nHost: h, port 1\n"), string::npos);
  EXPECT_NE(out.find("\nAdvice: Check that the server runs"), string::npos);

  failure.to_head = true;
  EXPECT_EQ(answer_to(failure), out.substr(0, parsed.length)) << "no body in the response to HEAD";
}

TEST(WriteAnswer, AlwaysFits) {
  const Everything all;
  for (int i = 0; i < static_cast<int>(base::Reason::count); ++i)
    for (const bool as_page : {false, true}) {
      const auto reason = static_cast<base::Reason>(i);
      if (http::error_reply(reason).status == 0) continue;
      const string out = answer_to(all.failure(reason, as_page));
      http::ResponseHead head;
      const auto parsed = http::parse_response(out, 0, false, head);
      ASSERT_EQ(parsed.what, http::Parsed::What::complete) << base::row(reason).name;
      EXPECT_EQ(head.body.length, out.size() - parsed.length) << base::row(reason).name;
      EXPECT_NE(head.phrase, "Unknown") << base::row(reason).name;
      const string end =
          as_page ? "in the proxy&#39;s log\n</table>\n</body>\n</html>\n" : "in the proxy's log\n";
      EXPECT_TRUE(out.ends_with(end)) << base::row(reason).name << ": nothing was left out\n" << out;
    }
}

TEST(WriteAnswer, TheNumberIsThatOfTheLog) {
  http::ErrorDetails failure{.reason = base::Reason::file_not_found, .id = 17};
  EXPECT_NE(answer_to(failure).find("\nRequest: #17 in the proxy's log"), string::npos);
  failure.nth = 3;
  EXPECT_NE(answer_to(failure).find("\nRequest: #17.3 in the proxy's log"), string::npos);
}

TEST(WriteAnswer, ListsEachAddress) {
  http::ErrorDetails failure{.reason = base::Reason::connect_timeout, .error = ETIMEDOUT, .id = 17};
  const std::array<sys::Address, 3> addresses{sys::loopback4(80), sys::loopback6(81), sys::loopback4(82)};
  const std::array<http::Attempt, 2> attempts{{{3, ECONNREFUSED}, {10'000, ETIMEDOUT}}};
  failure.addresses = addresses;
  failure.attempts = attempts;
  failure.attempted = true;
  const string out = answer_to(failure);
  EXPECT_NE(out.find("\nTried: 127.0.0.1:80: Connection refused (ECONNREFUSED), after 3 ms\n"
                     "Tried: [::1]:81: Connection timed out (ETIMEDOUT), after 10000 ms\n"),
            string::npos)
      << out;
  EXPECT_EQ(out.find(":82"), string::npos) << "it was not tried";
  EXPECT_EQ(out.find("\nError: "), string::npos) << "the list contains it already";
  EXPECT_NE(out.find("\nRequest: #17 in the proxy's log\n"), string::npos);
}

TEST(WriteAnswer, AnErrorAfterTheConnectionIsReportedToo) {
  http::ErrorDetails failure{.reason = base::Reason::upstream_reset, .error = ECONNRESET};
  const std::array<sys::Address, 1> addresses{sys::loopback4(80)};
  const std::array<http::Attempt, 1> attempts{{{3, 0}}};
  failure.addresses = addresses;
  failure.attempts = attempts;
  const string out = answer_to(failure);
  EXPECT_NE(out.find("\nTried: 127.0.0.1:80: connected, after 3 ms\n"
                     "Error: Connection reset by peer (ECONNRESET)\n"),
            string::npos)
      << out;
}

TEST(WriteAnswer, APageEscapesHtml) {
  const string out = answer_to({.reason = base::Reason::bad_request_line,
                                .phase = "a\x01\xc3\x7f\n<&>\"'",
                                .host = "<script>alert(1)</script>",
                                .port = 1,
                                .as_page = true});
  EXPECT_NE(out.find("\r\nContent-Type: text/html; charset=us-ascii\r\n"), string::npos);
  EXPECT_NE(out.find("<td>a????&lt;&amp;&gt;&quot;&#39;\n"), string::npos) << out;
  EXPECT_NE(out.find("&lt;script&gt;alert(1)&lt;/script&gt;, port 1"), string::npos);
  EXPECT_EQ(out.find("<script"), string::npos);
  EXPECT_NE(out.find("<p>The request line is not &quot;METHOD http://host/path HTTP/1.x&quot;.</p>"),
            string::npos);
}

TEST(WriteAnswer, ATextHasNoControlCharacters) {
  const string out =
      answer_to({.reason = base::Reason::connection_refused, .host = "a\x1b[2J\r\nb<\xff", .port = 1});
  EXPECT_NE(out.find("\nHost: a?[2J??b<?, port 1\n"), string::npos) << out;
}

// RFC 9209 section 2.3.
constexpr std::array<string_view, 20> kProxyErrors{"dns_timeout",
                                                   "destination_unavailable",
                                                   "proxy_configuration_error",
                                                   "dns_error",
                                                   "connection_refused",
                                                   "connection_terminated",
                                                   "connection_timeout",
                                                   "connection_read_timeout",
                                                   "connection_limit_reached",
                                                   "connection_write_timeout",
                                                   "destination_ip_prohibited",
                                                   "destination_ip_unroutable",
                                                   "http_request_error",
                                                   "http_request_denied",
                                                   "http_response_incomplete",
                                                   "http_protocol_error",
                                                   "proxy_internal_response",
                                                   "proxy_internal_error",
                                                   "proxy_loop_detected",
                                                   "proxy_configuration_error"};

// Error pages of a web server about its own files and users are not proxy errors.
bool is_of_a_web_server(base::Reason reason) {
  return reason == base::Reason::login_required ||
         (reason >= base::Reason::file_not_found && reason <= base::Reason::range_not_satisfiable);
}

TEST(ProxyStatus, EachReasonHasARegisteredError) {
  for (int i = 0; i < static_cast<int>(base::Reason::count); ++i) {
    const auto reason = static_cast<base::Reason>(i);
    const string_view name = base::row(reason).name, error = http::error_reply(reason).proxy_error;
    if (http::error_reply(reason).status == 0) continue;
    if (is_of_a_web_server(reason)) {
      EXPECT_EQ(error, "") << name;
      continue;
    }
    EXPECT_NE(std::find(kProxyErrors.begin(), kProxyErrors.end(), error), kProxyErrors.end()) << name;
  }
}

TEST(ProxyStatus, Format) {
  const auto field = [](const http::ErrorDetails& failure) {
    const string out = answer_to(failure);
    const std::size_t at = out.find("\r\nProxy-Status: ") + 2;
    return out.substr(at, out.find("\r\n", at) - at);
  };
  EXPECT_EQ(field({.reason = base::Reason::dns_timeout}),
            "Proxy-Status: proxy; error=dns_timeout; details=\"DNS lookup timed out.\"");
  EXPECT_EQ(field({.reason = base::Reason::bad_response, .received = 200}),
            "Proxy-Status: proxy; error=http_protocol_error; received-status=200; "
            "details=\"The server's response is not valid HTTP.\"");
  EXPECT_EQ(field({.reason = base::Reason::bad_request_line}),
            "Proxy-Status: proxy; error=http_request_error; "
            R"(details="The request line is not \"METHOD http://host/path HTTP/1.x\".")");
}

TEST(AcceptsPage, IfHtmlIsNamed) {
  struct Row {
    string_view accept;
    bool page;
  };
  const Row rows[] = {{"text/html", true},
                      {"TEXT/HTML", true},
                      {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true},
                      {"image/png , text/html;level=1 ; q=0.1", true},
                      {"text/html;q=0.001", true},
                      {"text/html;charset=x;Q=1", true},
                      {"", false},
                      {"*/*", false},
                      {"text/*", false},
                      {"text/html+xml", false},
                      {"x-text/html", false},
                      {"text/plain;x=text/html", false},
                      {"text/html;q=0", false},
                      {"text/html ; q=0.000", false},
                      {"text/html;level=1;Q=0.", false},
                      {"text/html;q=0, text/html", true},
                      {"text/html, text/plain", true},
                      {"text/plain, text/html;q=0.9", false},
                      {"text/html;q=0.5, text/plain;q=0.4", true},
                      {"text/html;q=0.3, */*;q=0.9", false},
                      {"text/html;q=0.3, text/*;q=0.2, */*;q=0.9", true},
                      {"text/html;q=2", false},
                      {"text/html;q=", false}};
  for (const Row& row : rows) {
    http::Fields fields;
    fields.add({"Host", "text/html"});
    fields.add({"aCCept", row.accept});
    EXPECT_EQ(http::accepts_page(fields), row.page) << row.accept;
  }
  http::Fields two;
  two.add({"Accept", "*/*"});
  two.add({"Accept", "text/html"});
  EXPECT_TRUE(http::accepts_page(two));
}

}  // namespace
