// Where a body ends (RFC 9112 sections 6 and 7).
#include "../../src/http/framing.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

namespace {

using http::Body;
using http::Framing;
using http::Sender;
using std::string;

struct Result {
  string payload;
  std::size_t consumed = 0;
  bool bad = false;
  bool complete = false;
  bool operator==(const Result&) const = default;
};

void feed(Framing& framing, std::string_view piece, Result& result) {
  string bytes{piece};
  const auto taken = framing.take(std::as_writable_bytes(std::span{bytes.data(), bytes.size()}));
  result.payload += bytes.substr(0, taken.payload);
  result.consumed += taken.consumed;
  result.bad |= taken.bad;
  result.complete = framing.complete();
}

Result at_once(const Body& body, std::string_view text, Sender sender = Sender::client) {
  Framing framing{body, sender};
  Result result;
  feed(framing, text, result);
  return result;
}

// The result, after checking that it is the same in two pieces, cut anywhere, and byte by byte.
Result taken(const Body& body, std::string_view text, Sender sender = Sender::client) {
  const Result whole = at_once(body, text, sender);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Framing framing{body, sender};
    Result result;
    feed(framing, text.substr(0, cut), result);
    if (!result.bad) feed(framing, text.substr(cut), result);
    EXPECT_EQ(result.bad, whole.bad) << text << " cut at " << cut;
    EXPECT_EQ(result.payload, whole.payload) << text << " cut at " << cut;
    EXPECT_EQ(result.consumed, whole.consumed) << text << " cut at " << cut;
  }
  Framing framing{body, sender};
  Result bytewise;
  for (std::size_t i = 0; i < text.size() && !bytewise.bad; ++i) feed(framing, text.substr(i, 1), bytewise);
  EXPECT_EQ(bytewise, whole) << text << " byte by byte";
  return whole;
}

constexpr Body kChunked{Body::Kind::chunked, 0};

TEST(Framing, NoneIsCompleteAndConsumesNothing) {
  EXPECT_TRUE(Framing{}.complete());
  EXPECT_EQ(at_once({}, "abc").consumed, 0U);
  EXPECT_EQ(Framing{}.wanted(100), 0U);
}

TEST(Framing, LengthConsumesThatManyBytes) {
  const Result result = taken({Body::Kind::length, 3}, "abcdef");
  EXPECT_EQ(result, (Result{"abc", 3, false, true}));
  EXPECT_FALSE(taken({Body::Kind::length, 7}, "abcdef").complete);
  EXPECT_TRUE((Framing{Body{Body::Kind::length, 0}}.complete()));
  EXPECT_EQ((Framing{Body{Body::Kind::length, 3}}.wanted(100)), 3U);
  EXPECT_EQ((Framing{Body{Body::Kind::length, 300}}.wanted(100)), 100U);
  EXPECT_FALSE((Framing{Body{Body::Kind::length, 3}}.eof_completes()));
}

TEST(Framing, UntilEofConsumesEverything) {
  const Result result = taken({Body::Kind::until_eof, 0}, "abcdef");
  EXPECT_EQ(result, (Result{"abcdef", 6, false, false}));
  EXPECT_TRUE((Framing{Body{Body::Kind::until_eof, 0}}.eof_completes()));
  EXPECT_FALSE((Framing{Body{Body::Kind::until_eof, 0}}.has_length()));
}

TEST(Framing, SplicedBytesCount) {
  Framing length{Body{Body::Kind::length, 10}};
  ASSERT_TRUE(length.may_go_unseen());
  std::array<std::byte, 4> seen{};
  length.take(seen);
  length.pass(5);
  EXPECT_EQ(length.known_bytes(), 10U) << "also those that have not come";
  EXPECT_EQ(length.wanted(100), 1U);
  EXPECT_FALSE(length.complete());
  length.pass(1);
  EXPECT_TRUE(length.complete());

  Framing until_eof{Body{Body::Kind::until_eof}};
  ASSERT_TRUE(until_eof.may_go_unseen());
  until_eof.take(seen);
  EXPECT_EQ(until_eof.known_bytes(), 4U);
  for (int i = 0; i < 3; ++i) until_eof.pass(std::size_t{2} << 30);
  EXPECT_EQ(until_eof.known_bytes(), UINT32_MAX) << "it does not wrap around";
  EXPECT_EQ(until_eof.wanted(100), 100U);

  EXPECT_FALSE(Framing{Body{Body::Kind::chunked}}.may_go_unseen()) << "chunks must be parsed";
  EXPECT_FALSE(Framing{}.may_go_unseen()) << "there is no body";
}

TEST(Framing, ValidChunks) {
  struct Row {
    const char* title;
    string text, payload;
  };
  const Row rows[] = {
      {"nothing", "0\r\n\r\n", ""},
      {"one chunk", "3\r\nabc\r\n0\r\n\r\n", "abc"},
      {"several", "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", "abcdef"},
      {"hexadecimal, both cases", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
      {"leading zeros", "0003\r\nabc\r\n000\r\n\r\n", "abc"},
      {"extensions", "3;a\r\nabc\r\n2;b=c;d=\"e f\"\r\nde\r\n0;x\r\n\r\n", "abcde"},
      {"blanks before an extension", "3 \t;a\r\nabc\r\n0\r\n\r\n", "abc"},
      {"trailers", "3\r\nabc\r\n0\r\nA: b\r\nC:\r\n\r\n", "abc"},
      {"line ends in the data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"},
      {"NUL in the data", string{"3\r\na\0b\r\n0\r\n\r\n", 13}, string{"a\0b", 3}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(taken(kChunked, row.text), (Result{row.payload, row.text.size(), false, true})) << row.title;
    const Result surplus = taken(kChunked, row.text + "GET");
    EXPECT_EQ(surplus.consumed, row.text.size()) << row.title << ": what follows is not part of it";
    for (std::size_t cut = 0; cut < row.text.size(); ++cut)
      EXPECT_FALSE(at_once(kChunked, row.text.substr(0, cut)).complete)
          << row.title << " ends early at " << cut;
  }
}

TEST(Framing, ChunksUpToALimit) {
  const auto within = [](std::uint64_t most, const string& text, std::size_t cut) {
    Framing framing{kChunked, Sender::client, most};
    Result result;
    feed(framing, text.substr(0, cut), result);
    if (!result.bad) feed(framing, text.substr(cut), result);
    EXPECT_EQ(framing.too_large(), result.bad);
    return result;
  };
  const string text = "3\r\nabc\r\n2;x\r\nde\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    for (const std::uint64_t most : {std::uint64_t{5}, std::uint64_t{6}, UINT64_MAX})
      EXPECT_EQ(within(most, text, cut), (Result{"abcde", text.size(), false, true})) << most;
    EXPECT_EQ(within(4, text, cut), (Result{"abc", text.find("de"), true, false}))
        << "none of the chunk is content";
    EXPECT_EQ(within(0, text, cut), (Result{"", text.find("abc"), true, false}));
  }
  EXPECT_TRUE(within(0, "0\r\n\r\n", 1).complete) << "an empty body";
  EXPECT_FALSE(within(UINT64_MAX, "fffffffffffffff\r\na", 1).bad) << "the largest chunk that is valid";
  EXPECT_TRUE(within((std::uint64_t{1} << 42) - 2, "fffffffffffffff\r\na", 1).bad) << "the largest limit";
}

TEST(Framing, InvalidChunks) {
  struct Row {
    const char* title;
    string text;
  };
  const Row rows[] = {
      {"no size", "\r\nabc"},
      {"a sign", "+3\r\nabc\r\n"},
      {"a blank first", " 3\r\nabc\r\n"},
      {"0x", "0x3\r\nabc\r\n"},
      {"a letter that is not a hexadecimal digit", "g\r\n"},
      {"a blank after the size", "3 \r\nabc\r\n"},
      {"bare LF after the size", "3\nabc\r\n"},
      {"bare CR after the size", "3\rabc\r\n"},
      {"bare LF after the data", "3\r\nabc\n0\r\n\r\n"},
      {"more data than said", "3\r\nabcd\r\n0\r\n\r\n"},
      {"a size of 2^60", "1000000000000000\r\n"},
      {"a size that wraps around", "10000000000000003\r\nabc\r\n"},
      {"a control character in an extension", "3;\x01\r\nabc\r\n"},
      {"bare LF in an extension", "3;a\nabc\r\n"},
      {"an extension without end", "3;" + string(1100, 'a')},
      {"zeros without end", string(1100, '0')},
      {"blanks without end", "3" + string(1100, ' ')},
      {"a trailer without colon", "0\r\nA\r\n\r\n"},
      {"a trailer without name", "0\r\n: b\r\n\r\n"},
      {"a blank before a trailer's colon", "0\r\nA : b\r\n\r\n"},
      {"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"},
      {"bare LF after a trailer", "0\r\nA: b\n\r\n"},
      {"NUL in a trailer", string{"0\r\nA: \0\r\n\r\n", 11}},
      {"trailers without end", "0\r\nA: " + string(16'000, 'a')},
      {"many trailers",
       [] {
         string text = "0\r\n";
         for (int i = 0; i < 4000; ++i) text += "a:bcd\r\n";
         return text;
       }()},
      {"CR and no LF at the end", "0\r\n\rx"},
  };
  for (const Row& row : rows) {
    const bool long_one = row.text.size() > 5000;
    const Result result = long_one ? at_once(kChunked, row.text) : taken(kChunked, row.text);
    EXPECT_TRUE(result.bad) << row.title;
    EXPECT_FALSE(result.complete) << row.title;
  }
}

// Faults with one reading.
TEST(Framing, AcceptsOfAServerOnly) {
  struct Row {
    const char* title;
    string text;
  };
  const Row rows[] = {
      {"LF after the size", "1\na\r\n0\r\n\r\n"},
      {"LF after the data", "1\r\na\n0\r\n\r\n"},
      {"LF after the last size, and at the end", "1\r\na\r\n0\n\n"},
      {"LF after a trailer", "1\r\na\r\n0\r\nA: b\nC:\n\r\n"},
      {"blanks after the size", "1 \t\r\na\r\n0 \r\n\r\n"},
      {"blanks before a trailer's colon", "1\r\na\r\n0\r\nA \t: b\r\nC : d\r\n\r\n"},
      {"a control character in a trailer", "1\r\na\r\n0\r\nA: b\x01\x0b\x7f\r\n\r\n"},
      {"a control character in an extension", "1;a=\x01\x7f\r\na\r\n0;\x0b\r\n\r\n"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(taken(kChunked, row.text, Sender::server), (Result{"a", row.text.size(), false, true}))
        << row.title;
    EXPECT_TRUE(taken(kChunked, row.text).bad) << row.title << ", of a client";
  }
}

// Faults with two readings.
TEST(Framing, RejectsOfAServerToo) {
  struct Row {
    const char* title;
    string text;
  };
  const Row rows[] = {
      {"LF after an extension", "1;a\na\r\n0\r\n\r\n"},
      {"CR alone in an extension", "1;a\rb\r\na\r\n"},
      {"NUL in an extension", string{"1;\0\r\na\r\n", 8}},
      {"a blank first", " 1\r\na\r\n"},
      {"CR alone in a trailer", "0\r\nA: b\rc\r\n\r\n"},
      {"NUL in a trailer", string{"0\r\nA: \0\r\n\r\n", 11}},
      {"a folded trailer", "0\r\nA: b\r\n c: d\r\n\r\n"},
      {"a blank in a trailer's name", "0\r\nA b: c\r\n\r\n"},
      {"a control character in a trailer's name", "0\r\nA\x01: c\r\n\r\n"},
      {"a trailer without colon", "0\r\nA \r\n\r\n"},
      {"blanks before the colon without end", "0\r\nA" + string(16'000, ' ')},
      {"blanks after the size without end", "1" + string(1100, ' ')},
  };
  for (const Row& row : rows) {
    const bool long_one = row.text.size() > 5000;
    EXPECT_TRUE((long_one ? at_once : taken)(kChunked, row.text, Sender::server).bad) << row.title;
  }
}

TEST(Framing, AcceptsTheLargestSize) {
  EXPECT_FALSE(at_once(kChunked, "fffffffffffffff\r\nabc").bad);
  EXPECT_EQ(at_once(kChunked, "fffffffffffffff\r\nabc").payload, "abc");
}

}  // namespace
