// A rewritten head means the same as the original, without hop-by-hop fields, and never exceeds its size
// limit.
#include <gtest/gtest.h>

#include <array>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "../../src/base/text.hpp"
#include "../../src/http/reply.hpp"
#include "../../src/http/rewrite.hpp"
#include "../../src/http/status.hpp"
#include "edge.hpp"

namespace {

using std::string;
using std::string_view;

using Pairs = std::vector<std::pair<string, string>>;

const string kVia(64, 'v');  // of the maximum length
const http::ProxyFields kHop{kVia, "Sun, 06 Nov 1994 08:49:37 GMT"};

template <class Head>
http::Parsed parse_all(string_view text, Head& head) {
  if constexpr (std::is_same_v<Head, http::RequestHead>)
    return http::parse_request(text, 0, head);
  else
    return http::parse_response(text, 0, false, head);
}
std::size_t write(const http::RequestHead& head, std::span<char> room) {
  return http::write_request(head, kHop, {}, room);
}
std::size_t write(const http::ResponseHead& head, std::span<char> room) {
  return http::write_response(head, kHop, {}, room);
}

Pairs pairs_of(const http::Fields& fields) {
  Pairs out;
  for (const http::Field& field : fields.all()) out.emplace_back(field.name, field.value);
  return out;
}

// The rewritten text; empty if it was refused.
template <class Head>
string rewritten(string_view text) {
  Head head;
  EXPECT_EQ(parse_all(text, head).what, http::Parsed::What::complete) << text;
  std::array<char, http::kHeadBytesMax + http::kRewriteGrowthMax> room;
  return {room.data(), write(head, room)};
}

string lowered(string text) {
  for (char& c : text) c = base::lower(c);
  return text;
}

// RFC 9110 section 7.6.1: fields of this connection only, by name or because Connection names them. Host and
// Content-Length are written from their parsed values.
Pairs end_to_end(const Pairs& fields) {
  std::set<string> dropped{"connection",
                           "proxy-connection",
                           "keep-alive",
                           "te",
                           "transfer-encoding",
                           "upgrade",
                           "host",
                           "trailer",
                           "proxy-authorization",
                           "proxy-authenticate",
                           "proxy-authentication-info"};
  for (const auto& [name, value] : fields) {
    if (lowered(name) != "connection") continue;
    string option;
    for (const char c : lowered(value) + ",") {
      if (c == ' ' || c == '\t') continue;
      if (c != ',') {
        option += c;
        continue;
      }
      if (option != "content-length") dropped.insert(option);
      option.clear();
    }
  }
  Pairs out;
  for (const auto& [name, value] : fields)
    if (!dropped.contains(lowered(name))) out.emplace_back(name, value);
  return out;
}

class Heads {
 public:
  explicit Heads(std::uint32_t seed) : random_(seed) {}
  string request() {
    static const char* const kHosts[] = {
        "h", "a.test:81", "a.test:79", "[::1]", "[2001:db8::1]:8080", "10.0.0.1:80", "u:p@h", "H:"};
    static const char* const kPaths[] = {"", "/", "/a/b?c=d", "?q", "/x#f", "//", "/%41~"};
    return string{pick({"GET", "POST", "get", "X-1"})} + " http://" + kHosts[below(std::size(kHosts))] +
           kPaths[below(std::size(kPaths))] + " HTTP/1." + (below(2) != 0 ? "1" : "0") + "\r\nHost: any\r\n" +
           fields() + "\r\n";
  }
  string response() {
    return string{"HTTP/1."} + (below(2) != 0 ? "1 " : "0 ") + pick({"200", "204", "304", "404", "999"}) +
           pick({"", " ", " OK", " Not Found \xe4"}) + "\r\n" + fields() + "\r\n";
  }
  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  const char* pick(std::initializer_list<const char*> all) { return all.begin()[below(all.size())]; }
  string fields() {
    string out = below(2) != 0 ? "Content-Length: 00" + std::to_string(below(1000)) + "\r\n" : "";
    for (std::size_t n = below(12); n > 0; --n)
      out += string{pick({"Cookie", "cookie", "A", "X-Y", "Keep-Alive", "TE", "Upgrade", "Connection",
                          "connection", "Via", "Proxy-Connection", "Trailer", "Proxy-Authorization",
                          "Expires"})} +
             pick({":", ": ", ":\t "}) +
             pick({"", "a", "x, y ,,z", "cookie", "X-y, content-length", "close", "keep-alive"}) +
             pick({"", " "}) + "\r\n";
    return out;
  }
  std::mt19937 random_;
};

TEST(Rewrite, ARequestMeansTheSameToTheNextHop) {
  Heads heads{9110};
  for (int i = 0; i < 5000; ++i) {
    const string text = heads.request();
    http::RequestHead before, after;
    ASSERT_EQ(parse_all(text, before).what, http::Parsed::What::complete) << text;
    const string out = rewritten<http::RequestHead>(text);
    const http::Parsed parsed = parse_all(out, after);
    ASSERT_EQ(parsed.what, http::Parsed::What::complete) << text << "became\n" << out;
    ASSERT_EQ(parsed.length, out.size()) << "one head and nothing after it";
    ASSERT_LE(out.size(), text.size() + http::kRewriteGrowthMax);
    EXPECT_EQ(after.form, http::TargetForm::origin);
    EXPECT_EQ(after.method, before.method);
    EXPECT_EQ(after.path, (before.path.starts_with('/') ? "" : "/") + string{before.path}) << text;
    EXPECT_EQ(after.target, after.path);
    EXPECT_EQ(after.version, http::Version::http10);
    EXPECT_EQ(after.body, before.body);

    Pairs expected = end_to_end(pairs_of(before.fields));
    for (auto& [name, value] : expected)
      if (lowered(name) == "content-length") value = std::to_string(before.body.length);
    Pairs got = pairs_of(after.fields);
    ASSERT_GE(got.size(), 3U);
    http::Authority host;
    EXPECT_EQ(got.front().first, "Host");
    ASSERT_TRUE(http::parse_authority(got.front().second, host)) << out;
    EXPECT_EQ(host.host, before.authority.host);
    EXPECT_EQ(host.port, before.authority.port);
    EXPECT_EQ(host.ipv6, before.authority.ipv6);
    EXPECT_EQ(got.back(), (std::pair<string, string>{"Connection", "close"}));
    got.pop_back();
    EXPECT_EQ(got.back(), (std::pair<string, string>{
                              "Via", (before.version == http::Version::http10 ? "1.0 " : "1.1 ") + kVia}));
    got.pop_back();
    got.erase(got.begin());
    EXPECT_EQ(got, expected) << text << "became\n" << out;
  }
}

TEST(Rewrite, AResponseMeansTheSameToTheClient) {
  Heads heads{9111};
  for (int i = 0; i < 5000; ++i) {
    const string text = heads.response();
    http::ResponseHead before, after;
    ASSERT_EQ(parse_all(text, before).what, http::Parsed::What::complete) << text;
    const string out = rewritten<http::ResponseHead>(text);
    const http::Parsed parsed = parse_all(out, after);
    ASSERT_EQ(parsed.what, http::Parsed::What::complete) << text << "became\n" << out;
    ASSERT_EQ(parsed.length, out.size());
    ASSERT_LE(out.size(), text.size() + http::kRewriteGrowthMax);
    EXPECT_EQ(after.status, before.status);
    EXPECT_EQ(after.phrase, before.phrase);
    EXPECT_EQ(after.version, http::Version::http10);
    EXPECT_EQ(after.body, before.body);

    Pairs expected;
    for (auto& [name, value] : end_to_end(pairs_of(before.fields))) {
      if (lowered(name) != "content-length") expected.emplace_back(name, value);
      if (lowered(name) == "content-length" && before.status != 204)
        expected.emplace_back(name, std::to_string(std::stoull(value)));
    }
    expected.emplace_back("Date", kHop.date);
    expected.emplace_back("Via", (before.version == http::Version::http10 ? "1.0 " : "1.1 ") + kVia);
    expected.emplace_back("Connection", "close");
    EXPECT_EQ(pairs_of(after.fields), expected) << text << "became\n" << out;
  }
}

TEST(Rewrite, DropsHopByHopFieldsInWhateverCase) {
  for (const char* name :
       {"Connection", "Proxy-Connection", "Keep-Alive", "TE", "Upgrade", "Proxy-Authorization",
        "Proxy-Authenticate", "Trailer", "Proxy-Authentication-Info"})
    for (const bool small : {false, true}) {
      const string field = small ? lowered(name) : name;
      const string out =
          rewritten<http::RequestHead>("GET http://h/ HTTP/1.0\r\n" + field + ": secret\r\nA: b\r\n\r\n");
      EXPECT_EQ(out.find("secret"), string::npos) << field;
      EXPECT_NE(out.find("\r\nA: b\r\n"), string::npos) << field;
      const string answer =
          rewritten<http::ResponseHead>("HTTP/1.0 200 OK\r\n" + field + ": secret\r\nA: b\r\n\r\n");
      EXPECT_EQ(answer.find("secret"), string::npos) << field;
    }
}

TEST(Rewrite, TheGreatestGrowthIsWithinItsBound) {
  struct Row {
    const char* title;
    string text;
  };
  const auto many = [](const string& field, int count) {
    string out;
    for (int i = 0; i < count; ++i) out += field;
    return out + "\r\n";
  };
  const Row rows[] = {
      {"a hundred fields without their blank", "A http://h HTTP/1.1\r\nHost:h\r\n" + many("a:b\r\n", 99)},
      {"a hundred fields without a value", "A http://h HTTP/1.0\r\n" + many("a:\r\n", 100)},
      {"a long host", "A http://" + string(253, 'h') + ":65535 HTTP/1.0\r\n" + many("a:\r\n", 100)},
      {"the least", "A http://h HTTP/1.0\r\n\r\n"},
  };
  for (const Row& row : rows) {
    const string out = rewritten<http::RequestHead>(row.text);
    EXPECT_FALSE(out.empty()) << row.title;
    EXPECT_LE(out.size(), row.text.size() + http::kRewriteGrowthMax) << row.title;
  }
  const string answer = "HTTP/1.1 200\r\n" + many("a:\r\n", 100);
  EXPECT_LE(rewritten<http::ResponseHead>(answer).size(), answer.size() + http::kRewriteGrowthMax);
  const string start = "GET http://h/ HTTP/1.0\r\nA: ";
  const string greatest = start + string(http::kHeadBytesMax - start.size() - 4, 'a') + "\r\n\r\n";
  EXPECT_FALSE(rewritten<http::RequestHead>(greatest).empty()) << "the largest accepted head is forwarded";
}

TEST(Rewrite, FailsIfTheBufferIsTooSmall) {
  http::RequestHead head;
  ASSERT_EQ(parse_all("GET http://h/a HTTP/1.0\r\nA: b\r\nContent-Length: 7\r\n\r\n", head).what,
            http::Parsed::What::complete);
  std::array<char, 512> room;
  const std::size_t needed = http::write_request(head, kHop, {}, room);
  ASSERT_GT(needed, 0U);
  support::Edge edge{needed};
  for (std::size_t size = 0; size <= needed; ++size) {
    const string_view there = edge.put(string(size, '?'));
    const std::span<char> least{const_cast<char*>(there.data()), there.size()};
    EXPECT_EQ(http::write_request(head, kHop, {}, least), size == needed ? needed : 0U) << size;
  }
}

TEST(Rewrite, ConnectionMayNameThirtyTwo) {
  for (const int split : {1, 4}) {  // in one field or in several
    for (const int count : {32, 33}) {
      string text = "HTTP/1.1 200 OK\r\n";
      for (int i = 0; i < count; ++i) {
        const bool first = i % ((count + split - 1) / split) == 0;
        text += first ? (i == 0 ? "Connection: " : "\r\nConnection: ") : ", ";
        text += "o" + std::to_string(i);
      }
      text += "\r\no31: dropped\r\n\r\n";
      const string out = rewritten<http::ResponseHead>(text);
      EXPECT_EQ(out.empty(), count == 33) << text;
      EXPECT_EQ(out.find("dropped"), string::npos) << "the last one counts too";
    }
  }
}

TEST(WriteDate, AgreesWithTheLibraryOnEachDayOfFourCenturies) {
  std::array<char, http::kDateBytes> room;
  std::array<char, 64> expected;
  for (std::uint64_t day = 0; day < 146'097; ++day) {
    const std::uint64_t second = day * 86'400 + day * 7919 % 86'400;
    const auto when = static_cast<std::time_t>(second);
    std::tm parts{};
    ASSERT_NE(::gmtime_r(&when, &parts), nullptr);
    const std::size_t length =
        std::strftime(expected.data(), expected.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    http::write_date(second * 1000 + day % 1000, room);
    ASSERT_EQ(string_view(room.data(), room.size()), string_view(expected.data(), length)) << second;
  }
}

TEST(WriteAnswer, EachReasonGivesACompleteResponseThatFits) {
  const string long_host(3000, 'd');
  for (int i = 0; i < static_cast<int>(base::Reason::count); ++i) {
    const auto reason = static_cast<base::Reason>(i);
    const http::ErrorReply& reply = http::error_reply(reason);
    const string_view name = base::row(reason).name;
    if (reply.status == 0) continue;
    EXPECT_GT(reply.sentence.size(), 10U) << name;
    EXPECT_NE(http::phrase(reply.status), "Unknown") << name;
    for (const string_view host : {string_view{}, string_view{"h"}, string_view{long_host}}) {
      support::Edge edge{http::kErrorResponseBytesMax};
      const string_view there = edge.put(string(http::kErrorResponseBytesMax, '?'));
      const std::span<char> room{const_cast<char*>(there.data()), there.size()};
      http::ErrorDetails failure{.reason = reason, .host = host, .port = 80};
      const string out{room.data(), http::write_error_response(failure, kHop, room)};
      http::ResponseHead head;
      const http::Parsed parsed = parse_all(out, head);
      ASSERT_EQ(parsed.what, http::Parsed::What::complete) << name;
      EXPECT_EQ(head.status, reply.status) << name;
      EXPECT_EQ(head.phrase, http::phrase(reply.status)) << name;
      EXPECT_EQ(head.body, (http::Body{http::Body::Kind::length, out.size() - parsed.length})) << name;
      EXPECT_NE(out.substr(parsed.length).find(reply.sentence), string::npos) << name;
      EXPECT_NE(out.find(host.substr(0, http::kHostBytesMax)), string::npos) << name;
      failure.to_head = true;
      const string to_head{room.data(), http::write_error_response(failure, kHop, room)};
      EXPECT_EQ(to_head, out.substr(0, parsed.length)) << name << ": the same head, and no body";
    }
  }
}

}  // namespace
