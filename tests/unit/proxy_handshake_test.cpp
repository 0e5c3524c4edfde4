// Messages to an upstream proxy, and its replies (RFC 9110 section 9.3.6, RFC 1928, RFC 1929).
#include "../../src/net/proxy_handshake.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace {

using base::Reason;
using net::HandshakeResult;
using net::HandshakeStep;
using std::string;
using std::string_view;
using namespace std::string_literals;

constexpr net::Login kNobody{};
constexpr net::Login kAladdin{"Aladdin", "open sesame"};

string message(HandshakeStep step, const net::Login& login, string_view host, std::uint16_t port,
               string_view our_name = "") {
  std::array<std::byte, net::kHandshakeBytesMax> room;
  const std::size_t length = net::write_handshake(step, login, host, port, our_name, room);
  return {reinterpret_cast<const char*>(room.data()), length};
}

TEST(Base64, VectorsOfTheRfc) {  // RFC 4648 section 10
  const std::array<std::array<string_view, 2>, 8> rows{{{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="},
                                                        {"foobar", "Zm9vYmFy"},
                                                        {"\xff\xef\xbe", "/+++"}}};
  for (const auto& [text, encoded] : rows) {
    std::array<char, 16> room;
    base::Writer out{room};
    http::put_base64(out, text);
    EXPECT_EQ(out.view(), encoded);
    EXPECT_EQ(http::base64_bytes(text.size()), encoded.size());
  }
}

TEST(WriteHandshake, Connect) {
  EXPECT_EQ(message(HandshakeStep::connect, kNobody, "example.com", 443),
            "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
  EXPECT_EQ(message(HandshakeStep::connect, kNobody, "::1", 80, "me"),
            "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\nVia: 1.1 me\r\n\r\n");
  // The credentials are those of RFC 7617 section 2 and, in UTF-8, of section 2.1.
  EXPECT_EQ(message(HandshakeStep::connect, kAladdin, "h", 1),
            "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n"
            "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
  EXPECT_EQ(message(HandshakeStep::connect, {"test", "123\xc2\xa3"}, "h", 1),
            "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nProxy-Authorization: Basic dGVzdDoxMjPCow==\r\n\r\n");
}

TEST(WriteHandshake, SocksMethodsAndLogin) {
  EXPECT_EQ(message(HandshakeStep::socks_methods, kNobody, "h", 1), "\5\1\0"s);
  EXPECT_EQ(message(HandshakeStep::socks_methods, kAladdin, "h", 1), "\5\2\0\2"s);
  EXPECT_EQ(message(HandshakeStep::socks_login, kAladdin, "h", 1), "\1\7Aladdin\13open sesame"s);
  EXPECT_EQ(message(HandshakeStep::socks_login, {"u", ""}, "h", 1), "\1\1u\0"s);
  EXPECT_EQ(message(HandshakeStep::none, kAladdin, "h", 1), "");
}

TEST(WriteHandshake, SocksRequestOfEachKindOfAddress) {
  EXPECT_EQ(message(HandshakeStep::socks_request, kNobody, "192.0.2.1", 443), "\5\1\0\1\300\0\2\1\1\273"s);
  EXPECT_EQ(message(HandshakeStep::socks_request, kNobody, "2001:db8::ff", 80),
            "\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\xff\0\x50"s);
  EXPECT_EQ(message(HandshakeStep::socks_request, kNobody, "example.com", 65535),
            "\5\1\0\3\13example.com\xff\xff"s);
}

TEST(WriteHandshake, TheLongestFitsAndNothingLonger) {
  const string host(http::kHostBytesMax, ':'), name(net::kParentNameBytesMax, 'n'),
      long_login(net::kLoginBytesMax, 'x');
  const net::Login login{long_login, long_login};
  EXPECT_EQ(message(HandshakeStep::connect, login, host, 65535, name).size(), net::kHandshakeBytesMax);
  std::array<std::byte, net::kHandshakeBytesMax - 1> room;
  EXPECT_EQ(net::write_handshake(HandshakeStep::connect, login, host, 65535, name, room), 0U);
  for (const HandshakeStep step :
       {HandshakeStep::connect, HandshakeStep::socks_login, HandshakeStep::socks_request}) {
    EXPECT_NE(message(step, login, host, 65535, name), "");
    EXPECT_EQ(message(step, {long_login + "x", "p"}, host, 1), "");
    EXPECT_EQ(message(step, {"u", long_login + "x"}, host, 1), "");
    EXPECT_EQ(message(step, kNobody, host + "x", 1), "");
    EXPECT_EQ(message(step, kNobody, "h", 1, name + "n"), "");
    EXPECT_EQ(message(step, kNobody, "", 1), "");
  }
}

struct Row {
  string reply;
  HandshakeResult result;
};
constexpr auto kMore = HandshakeResult::What::more, kNext = HandshakeResult::What::next,
               kDone = HandshakeResult::What::done, kFailed = HandshakeResult::What::failed;

// The result is that of the row. It comes at the latest with the last byte that it depends on, whatever
// follows. Cut before `consumed`, the result is `more`.
void check(HandshakeStep step, const net::Login& login, const Row& row) {
  for (const string& behind : {""s, "\0"s, "\r\n"s, "GET / HTTP/1.1\r\n\r\n"s}) {
    if (row.result.what == kMore && !behind.empty()) continue;
    const HandshakeResult result = net::parse_reply(step, login, row.reply + behind);
    EXPECT_EQ(result.what, row.result.what) << row.reply;
    EXPECT_EQ(result.consumed, row.result.consumed) << row.reply;
    EXPECT_EQ(result.next, row.result.next) << row.reply;
    EXPECT_EQ(result.reason, row.result.reason) << row.reply;
    EXPECT_EQ(result.status, row.result.status) << row.reply;
  }
  for (std::size_t cut = 0; cut < row.reply.size(); ++cut) {
    const HandshakeResult::What what =
        net::parse_reply(step, login, string_view{row.reply}.substr(0, cut)).what;
    EXPECT_TRUE(what == kMore || (row.result.what == kFailed && what == kFailed))
        << row.reply << " at " << cut;
  }
}

Row taken(const string& reply, std::uint16_t status) {
  return {reply, {.what = kDone, .consumed = reply.size(), .status = status}};
}
Row refused(const string& reply, Reason reason, std::uint16_t status = 0) {
  return {reply, {.what = kFailed, .reason = reason, .status = status}};
}

TEST(ParseReply, ConnectIsAcceptedWhateverBodyItsFieldsAnnounce) {
  const string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  for (const Row& row : {
           taken("HTTP/1.1 200 Connection established\r\n\r\n", 200),
           taken("HTTP/1.0 200\r\nVia: x\r\n\r\n", 200),
           taken("HTTP/1.1 299 x\r\n\r\n", 299),
           taken("HTTP/1.1 200 x\r\nContent-Length: 5\r\n\r\n", 200),
           taken("HTTP/1.1 200 x\r\nContent-Length: five\r\n\r\n", 200),
           taken("HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n", 200),
           taken("HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 200),
           taken("HTTP/1.1 200 x\r\nTransfer-Encoding: gzip\r\n\r\n", 200),
           taken("HTTP/1.1 200 x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 200),
           taken(interim + interim + "HTTP/1.1 103 x\r\nContent-Length: ?\r\n\r\nHTTP/1.1 200 x\r\n\r\n",
                 200),
       })
    check(HandshakeStep::connect, kNobody, row);
}

TEST(ParseReply, ConnectIsRefusedWithTheParentsStatus) {
  const string unread = "\r\nContent-Length: 3\r\nTransfer-Encoding: x\r\n\r\n";
  for (const Row& row : {
           refused("HTTP/1.1 403 No\r\n\r\n", Reason::parent_refused, 403),
           refused("HTTP/1.1 302 Moved\r\nLocation: http://x/\r\n\r\n", Reason::parent_refused, 302),
           refused("HTTP/1.1 504 Late" + unread, Reason::parent_refused, 504),
           refused("HTTP/1.1 426 TLS\r\nUpgrade: TLS/1.2\r\n\r\n", Reason::parent_refused, 426),
           refused("HTTP/1.1 407 Log in\r\nProxy-Authenticate: Basic\r\n\r\n", Reason::parent_auth_required,
                   407),
           refused("HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 407 Log in\r\n\r\n", Reason::parent_auth_required,
                   407),
           refused("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
                   Reason::bad_parent_response, 101),
           refused("HTTP/1.1 099 x\r\n", Reason::bad_parent_response),
           refused("HTTP/2.0 200 x\r\n", Reason::bad_parent_response),
           refused("SSH-2.0-OpenSSH\r\n", Reason::bad_parent_response),
           refused("HTTP/1.1 200 x\ry", Reason::bad_parent_response),
           refused("HTTP/1.1 200 x\r\nno field\r\n", Reason::bad_parent_response),
       })
    check(HandshakeStep::connect, kNobody, row);
}

TEST(ParseReply, ConnectLimitsInterimResponses) {
  string interims = "HTTP/1.1 200 x\r\nA: ";
  interims += string(http::kHeadBytesMax - interims.size() - 1, 'a');
  EXPECT_EQ(net::parse_reply(HandshakeStep::connect, kNobody, interims).what, kMore);
  EXPECT_EQ(net::parse_reply(HandshakeStep::connect, kNobody, interims + "a").reason,
            Reason::bad_parent_response);
  for (interims.clear(); interims.size() < http::kHeadBytesMax;) interims += "HTTP/1.1 100 x\r\n\r\n";
  EXPECT_EQ(net::parse_reply(HandshakeStep::connect, kNobody, interims).reason, Reason::bad_parent_response);
}

TEST(ParseReply, ConnectHasTheLimitsOfHeads) {
  const string open = "HTTP/1.1 200 x\r\nA: " + string(http::kHeadBytesMax, 'a') + "\r\n\r\n";
  EXPECT_EQ(net::parse_reply(HandshakeStep::connect, kNobody, open).reason, Reason::bad_parent_response);
  EXPECT_EQ(net::parse_reply(HandshakeStep::connect, kNobody, open, {.bytes = open.size()}).what, kDone);
  string many = "HTTP/1.1 200 x\r\n";
  for (std::size_t i = 0; i <= http::kFieldsMax; ++i) many += "A: b\r\n";
  many += "\r\n";
  EXPECT_EQ(net::parse_reply(HandshakeStep::connect, kNobody, many).reason, Reason::bad_parent_response);
  EXPECT_EQ(net::parse_reply(HandshakeStep::connect, kNobody, many, {.fields = http::kFieldsMax + 1}).what,
            kDone);
}

TEST(ParseReply, SocksMethod) {
  const Row open{"\5\0"s, {.what = kNext, .consumed = 2, .next = HandshakeStep::socks_request}};
  const Row asks{"\5\2"s, {.what = kNext, .consumed = 2, .next = HandshakeStep::socks_login}};
  check(HandshakeStep::socks_methods, kNobody, open);
  check(HandshakeStep::socks_methods, kAladdin, open);
  check(HandshakeStep::socks_methods, kAladdin, asks);
  check(HandshakeStep::socks_methods, kNobody, refused(asks.reply, Reason::bad_parent_response));
  check(HandshakeStep::socks_methods, kAladdin, refused("\5\1"s, Reason::bad_parent_response));
  check(HandshakeStep::socks_methods, kNobody, refused("\5\xff"s, Reason::parent_auth_required));
  check(HandshakeStep::socks_methods, kAladdin, refused("\5\xff"s, Reason::parent_auth_failed));
  check(HandshakeStep::socks_methods, kNobody, refused("\4"s, Reason::bad_parent_response));
  check(HandshakeStep::socks_methods, kNobody, refused("HTTP"s, Reason::bad_parent_response));
}

TEST(ParseReply, SocksLogin) {
  check(HandshakeStep::socks_login, kAladdin,
        {"\1\0"s, {.what = kNext, .consumed = 2, .next = HandshakeStep::socks_request}});
  check(HandshakeStep::socks_login, kAladdin, refused("\1\1"s, Reason::parent_auth_failed, 1));
  check(HandshakeStep::socks_login, kAladdin, refused("\1\xff"s, Reason::parent_auth_failed, 255));
  check(HandshakeStep::socks_login, kAladdin, refused("\5"s, Reason::bad_parent_response));
}

TEST(ParseReply, SocksReply) {
  const string port = "\x1f\x90";
  for (const Row& row : {
           taken("\5\0\0\1\x7f\0\0\1"s + port, 0),
           taken("\5\0\0\4"s + string(16, '\xfe') + port, 0),
           taken("\5\0\0\3\4host"s + port, 0),
           taken("\5\0\0\3\0"s + port, 0),
           taken("\5\0\0\3\xff"s + string(255, 'h') + port, 0),
           refused("\5\1"s, Reason::parent_refused, 1),
           refused("\5\2"s, Reason::parent_refused, 2),
           refused("\5\3"s, Reason::host_unreachable, 3),
           refused("\5\4"s, Reason::host_unreachable, 4),
           refused("\5\5"s, Reason::connection_refused, 5),
           refused("\5\6"s, Reason::connect_timeout, 6),
           refused("\5\7"s, Reason::parent_refused, 7),
           refused("\5\10"s, Reason::parent_refused, 8),
           refused("\5\11"s, Reason::parent_refused, 9),
           refused("\5\xff"s, Reason::parent_refused, 255),
           refused("\5\5\0\1\0\0\0\0\0\0"s, Reason::connection_refused, 5),
           refused("\4"s, Reason::bad_parent_response),
           refused("\5\0\1"s, Reason::bad_parent_response),
           refused("\5\0\0\2"s, Reason::bad_parent_response),
       })
    check(HandshakeStep::socks_request, kNobody, row);
}

TEST(ParseReply, NoneNeedsNoReply) {
  EXPECT_EQ(net::parse_reply(HandshakeStep::none, kNobody, "x").what, kDone);
}

}  // namespace
