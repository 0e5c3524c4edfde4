// Bodies that were made by a second writer of RFC 9112 section 7.1, cut everywhere; flawed ones; and the
// limits.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "../../src/http/framing.hpp"
#include "edge.hpp"

namespace {

using http::Body;
using http::Framing;
using std::string;

constexpr Body kChunked{Body::Kind::chunked, 0};

struct Outcome {
  string payload;
  std::size_t consumed = 0;
  bool bad = false;
  bool complete = false;
  bool operator==(const Outcome&) const = default;
};
void PrintTo(const Outcome& o, std::ostream* out) {
  *out << testing::PrintToString(o.payload) << ", consumed " << o.consumed << (o.bad ? ", bad" : "")
       << (o.complete ? ", complete" : "");
}

// Gives the text in pieces that end at `cuts`, each right before a page that cannot be touched.
Outcome decode(const Body& body, std::string_view text, const std::vector<std::size_t>& cuts,
               http::Sender sender = http::Sender::client) {
  Framing framing{body, sender};
  Outcome out;
  std::size_t begin = 0;
  support::Edge edge{text.size()};
  for (std::size_t i = 0; i <= cuts.size() && !out.bad; ++i) {
    const std::size_t end = i == cuts.size() ? text.size() : cuts[i];
    const std::string_view piece = edge.put(text.substr(begin, end - begin));
    const std::span<char> bytes{const_cast<char*>(piece.data()), piece.size()};
    const Framing::Taken taken = framing.take(std::as_writable_bytes(bytes));
    EXPECT_LE(taken.payload, taken.consumed);
    EXPECT_LE(taken.consumed, piece.size());
    out.payload += piece.substr(0, taken.payload);
    out.consumed += taken.consumed;
    out.bad |= taken.bad;
    begin = end;
  }
  out.complete = framing.complete();
  return out;
}

std::vector<std::size_t> each_byte(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

// A message in chunks and what it carries.
struct Message {
  string text, payload;
};

class Writer {
 public:
  explicit Writer(std::uint32_t seed) : random_(seed) {}
  Message next() {
    Message out;
    for (std::size_t n = below(4); n > 0; --n) {
      const string data = bytes(1 + below(40));
      out.text += size(data.size()) + extensions() + "\r\n" + data + "\r\n";
      out.payload += data;
    }
    out.text += string(1 + below(3), '0') + extensions() + "\r\n" + trailers() + "\r\n";
    return out;
  }
  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  string bytes(std::size_t n) {
    string out;
    while (out.size() < n) out += below(3) == 0 ? "\r\n0;:"[below(5)] : static_cast<char>(random_());
    return out;
  }
  string size(std::size_t n) {
    static constexpr std::string_view kLower = "0123456789abcdef", kUpper = "0123456789ABCDEF";
    string out;
    for (; n > 0; n /= 16) out.insert(out.begin(), (below(2) != 0 ? kLower : kUpper)[n % 16]);
    return string(below(3), '0') + out;
  }
  // chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
  string extensions() {
    static const char* const kAll[] = {"", "", "", ";a", ";a=b", " ; a = \"b;\\\" c\"", ";a;b=c\t;d"};
    return kAll[below(std::size(kAll))];
  }
  string trailers() {
    static const char* const kAll[] = {"", "", "A: b\r\n", "A:\r\nX-Y: \t\xe4 \r\n", "0: 1\r\n"};
    return kAll[below(std::size(kAll))];
  }
  std::mt19937 random_;
};

TEST(Chunks, WhatASecondWriterWroteIsReadTheSameHoweverItIsCut) {
  Writer writer{7112};
  for (int i = 0; i < 400; ++i) {
    const Message message = writer.next();
    const string text = message.text + "GET /next";
    const Outcome expected{message.payload, message.text.size(), false, true};
    ASSERT_EQ(decode(kChunked, text, {}), expected) << testing::PrintToString(text);
    ASSERT_EQ(decode(kChunked, text, each_byte(text.size())), expected) << testing::PrintToString(text);
    for (std::size_t cut = 0; cut <= text.size(); ++cut)
      ASSERT_EQ(decode(kChunked, text, {cut}), expected) << testing::PrintToString(text) << " cut at " << cut;
    for (int n = 0; n < 20; ++n) {
      std::vector<std::size_t> cuts{writer.below(text.size()), writer.below(text.size()),
                                    writer.below(text.size())};
      std::sort(cuts.begin(), cuts.end());
      ASSERT_EQ(decode(kChunked, text, cuts), expected) << testing::PrintToString(text);
    }
    for (std::size_t end = 0; end < message.text.size(); ++end) {
      const Outcome start = decode(kChunked, message.text.substr(0, end), {});
      ASSERT_FALSE(start.complete || start.bad) << testing::PrintToString(message.text) << " ends at " << end;
      ASSERT_EQ(start.consumed, end);
      ASSERT_TRUE(message.payload.starts_with(start.payload));
    }
  }
}

TEST(Chunks, FlawedChunksAreRefusedHoweverTheyAreCut) {
  struct Row {
    const char* title;
    string text;
  };
  const Row rows[] = {
      {"no size", "\r\n"},
      {"an extension without size", ";a\r\n"},
      {"a size with a sign", "-1\r\n"},
      {"a size with a point", "1.0\r\n"},
      {"a size with an underscore", "1_0\r\n"},
      {"a blank before the size", " 1\r\na\r\n"},
      {"a blank inside the size", "1 0\r\n"},
      {"a tab before CR", "1\t\r\na\r\n"},
      {"a comma after the size", "1,\r\na\r\n"},
      {"NUL after the size", string{"1\0\r\na\r\n", 7}},
      {"DEL in an extension", "1;\x7f\r\na\r\n"},
      {"bare CR in an extension", "1;a\rb\r\na\r\n"},
      {"CR CR LF after the size", "1\r\r\na\r\n"},
      {"LF CR after the size", "1\n\ra\r\n"},
      {"data too long by one", "1\r\nab\r\n"},
      {"data too short by one", "3\r\nab\r\n0\r\n\r\n"},
      {"bare CR after the data", "1\r\na\rx"},
      {"a blank after the data", "1\r\na \r\n"},
      {"a size that is -1 to others", "ffffffffffffffff\r\n"},
      {"a size of 2^64 + 1", "10000000000000001\r\na\r\n"},
      {"a size of 2^63", "8000000000000000\r\n"},
      {"a blank in a trailer's name", "0\r\nA b: c\r\n\r\n"},
      {"a blank before a trailer", "0\r\n A: b\r\n\r\n"},
      {"a bare LF for the last line", "0\r\n\n"},
      {"bare CR in a trailer", "0\r\nA: b\rc\r\n\r\n"},
      {"a byte above ASCII in a trailer's name", "0\r\n\xe4: b\r\n\r\n"},
      {"a trailer that is a request", "0\r\nGET / HTTP/1.1\r\n\r\n"},
  };
  for (const Row& row : rows) {
    const Outcome whole = decode(kChunked, row.text, {});
    EXPECT_TRUE(whole.bad) << row.title;
    EXPECT_FALSE(whole.complete) << row.title;
    EXPECT_EQ(decode(kChunked, row.text, each_byte(row.text.size())), whole) << row.title << ", byte by byte";
    for (std::size_t cut = 0; cut <= row.text.size(); ++cut)
      EXPECT_EQ(decode(kChunked, row.text, {cut}), whole) << row.title << ", cut at " << cut;
  }
}

TEST(Chunks, EveryByteInEveryPlace) {
  const auto is_hex = [](int b) {
    return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'f') || (b >= 'A' && b <= 'F');
  };
  for (int byte = 0; byte < 256; ++byte) {
    const string c(1, static_cast<char>(byte));
    const bool control = (byte < 32 && byte != '\t') || byte == 127;
    EXPECT_EQ(decode(kChunked, c, {}).bad, !is_hex(byte)) << "first in a size: " << byte;
    EXPECT_EQ(decode(kChunked, "1;" + c + ";", {}).bad, control) << "in an extension: " << byte;
    EXPECT_EQ(decode(kChunked, "1\r" + c, {}).bad, byte != '\n') << "for LF: " << byte;
    EXPECT_FALSE(decode(kChunked, "1\r\n" + c, {}).bad) << "in the data: " << byte;
    EXPECT_EQ(decode(kChunked, "1\r\na" + c, {}).bad, byte != '\r') << "for CR after the data: " << byte;
    EXPECT_EQ(decode(kChunked, "0\r\nA:" + c + "b", {}).bad, control) << "in a trailer: " << byte;
    const bool is_end = byte == '\0' || byte == '\r' || byte == '\n';
    EXPECT_EQ(decode(kChunked, "1;" + c + ";", {}, http::Sender::server).bad, is_end)
        << "in a server's extension: " << byte;
    EXPECT_EQ(decode(kChunked, "0\r\nA:" + c + "b: c", {}, http::Sender::server).bad,
              byte == 0 || byte == '\r')
        << "in a server's trailer: " << byte;
  }
}

TEST(Chunks, LongLinesAreBounded) {
  // 1024 bytes of size and extensions, and 15360 of trailers: generous to all that is known, and an end to
  // the rest.
  EXPECT_FALSE(decode(kChunked, "1;" + string(900, 'x') + "\r\na\r\n", {}).bad);
  EXPECT_TRUE(decode(kChunked, "1;" + string(1100, 'x'), {}).bad);
  EXPECT_FALSE(decode(kChunked, string(900, '0') + "1\r\na\r\n", {}).bad);
  EXPECT_TRUE(decode(kChunked, string(1100, '0'), {}).bad);
  EXPECT_TRUE(decode(kChunked, "1" + string(1100, ' '), {}).bad);
  EXPECT_FALSE(decode(kChunked, "0\r\nA:" + string(15'000, 'x') + "\r\n\r\n", {}).bad);
  EXPECT_TRUE(decode(kChunked, "0\r\nA:" + string(15'400, 'x'), {}).bad);
  EXPECT_TRUE(decode(kChunked, "0\r\n" + string(15'400, 'x'), {}).bad);
  string many = "0\r\n";
  for (int i = 0; i < 9000; ++i) many += "a:\r\n";
  EXPECT_TRUE(decode(kChunked, many, {}).bad);
  string chunks;  // each has its own bound
  for (int i = 0; i < 50; ++i) chunks += "1;" + string(900, 'x') + "\r\na\r\n";
  EXPECT_EQ(decode(kChunked, chunks + "0\r\n\r\n", {}).payload, string(50, 'a'));
}

TEST(Chunks, AfterAFlawNothingIsTaken) {
  Framing framing{kChunked};
  string text = "x";
  EXPECT_TRUE(framing.take(std::as_writable_bytes(std::span{text})).bad);
  string good = "1\r\na\r\n0\r\n\r\n";
  const Framing::Taken after = framing.take(std::as_writable_bytes(std::span{good}));
  EXPECT_TRUE(after.bad);
  EXPECT_EQ(after.payload, 0U);
  EXPECT_FALSE(framing.complete() || framing.eof_completes());
}

TEST(Chunks, AGreatLengthIsCountedDown) {
  const std::uint64_t most = ~std::uint64_t{0};
  Framing framing{Body{Body::Kind::length, most}};
  EXPECT_EQ(framing.wanted(1000), 1000U);
  string text(1000, 'x');
  EXPECT_EQ(framing.take(std::as_writable_bytes(std::span{text})).consumed, 1000U);
  EXPECT_FALSE(framing.complete());
  EXPECT_FALSE(framing.eof_completes());
}

TEST(Chunks, WhatIsWantedAndWhatEndsIt) {
  struct Row {
    const char* title;
    Body body;
    string taken;
    std::size_t wanted;  // of 100
    bool complete, eof_completes, has_length;
  };
  const Row rows[] = {
      {"none", {Body::Kind::none, 0}, "", 0, true, true, true},
      {"length 0", {Body::Kind::length, 0}, "", 0, true, true, true},
      {"length 5, nothing yet", {Body::Kind::length, 5}, "", 5, false, false, true},
      {"length 5, 2 of them", {Body::Kind::length, 5}, "ab", 3, false, false, true},
      {"length 5, all", {Body::Kind::length, 5}, "abcde", 0, true, true, true},
      {"length 500", {Body::Kind::length, 500}, "", 100, false, false, true},
      {"until the end", {Body::Kind::until_eof, 0}, "abc", 100, false, true, false},
      {"chunks, nothing yet", {Body::Kind::chunked, 0}, "", 100, false, false, false},
      {"chunks, before the last line end", {Body::Kind::chunked, 0}, "0\r\n\r", 100, false, false, false},
      {"chunks, all", {Body::Kind::chunked, 0}, "0\r\n\r\n", 0, true, true, false},
  };
  for (const Row& row : rows) {
    Framing framing{row.body};
    string text = row.taken;
    EXPECT_EQ(framing.take(std::as_writable_bytes(std::span{text})).consumed, text.size()) << row.title;
    EXPECT_EQ(framing.wanted(100), row.wanted) << row.title;
    EXPECT_EQ(framing.complete(), row.complete) << row.title;
    EXPECT_EQ(framing.eof_completes(), row.eof_completes) << row.title;
    EXPECT_EQ(framing.has_length(), row.has_length) << row.title;
  }
}

}  // namespace
