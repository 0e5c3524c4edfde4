// DNS messages: what is asked, and what is taken from a response.
#include "../../src/net/dns_message.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

namespace {

using net::DnsResponse;
using net::DnsType;
using std::string;
using What = DnsResponse::What;

string u16(unsigned value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)}; }
string u32(std::uint32_t value) { return u16(value >> 16) + u16(value & 0xffff); }
string labels(string name) {
  string out;
  while (!name.empty()) {
    const string label = name.substr(0, name.find('.'));
    out += static_cast<char>(label.size()) + label;
    name.erase(0, label.size() + 1);
  }
  return out + '\0';
}
string pointer(unsigned at) { return u16(0xc000 | at); }
string record(const string& name, unsigned type, std::uint32_t ttl, const string& data,
              unsigned of_class = 1) {
  return name + u16(type) + u16(of_class) + u32(ttl) + u16(static_cast<unsigned>(data.size())) + data;
}
const string kOne{"\x0a\0\0\1", 4}, kTwo{"\x0a\0\0\2", 4};
constexpr unsigned kId = 0x1234, kPlain = 0x8180;

string question(const string& host, unsigned type = 1) { return labels(host) + u16(type) + u16(1); }
string message(unsigned flags, const string& asked, unsigned answers, const string& records) {
  return u16(kId) + u16(flags) + u16(1) + u16(answers) + u16(0) + u16(0) + asked + records;
}

struct Result {
  DnsResponse response;
  string addresses;
};
// The message ends where its memory ends.
Result read(const string& text, const char* host = "o.test", DnsType type = DnsType::a) {
  const auto exact = std::make_unique<std::byte[]>(text.size());
  std::memcpy(exact.get(), text.data(), text.size());
  std::vector<sys::Address> addresses;
  Result result;
  result.response = net::read_dns_response({exact.get(), text.size()}, host, type, kId, addresses);
  for (const sys::Address& address : addresses)
    result.addresses += (result.addresses.empty() ? "" : " ") + string{sys::ip_text(address).view()};
  return result;
}

TEST(DnsQueryText, AsRfc1035HasIt) {
  std::array<std::byte, net::kDnsQueryMax> room;
  const std::size_t length = net::write_dns_query("o.test", DnsType::aaaa, kId, room);
  const string wanted = u16(kId) + u16(0x0100) + u16(1) + u16(0) + u16(0) + u16(0) + question("o.test", 28);
  EXPECT_EQ(string(reinterpret_cast<const char*>(room.data()), length), wanted);
}

TEST(DnsQueryText, OnlyForDomainNames) {
  std::array<std::byte, net::kDnsQueryMax> room;
  const string label(63, 'a');
  const string longest = label + "." + label + "." + label + "." + string(61, 'a');
  EXPECT_EQ(net::write_dns_query(longest, DnsType::a, 1, room), 12 + 255 + 4U);
  for (const string& host : {string{}, longest + "a", string(64, 'a') + ".test", string{"a..test"},
                             string{".test"}, string{"test."}})
    EXPECT_EQ(net::write_dns_query(host, DnsType::a, 1, room), 0U) << host;
}

TEST(DnsResponseText, AddressesAndTheLeastTimeToLive) {
  const Result two = read(message(kPlain, question("O.Test"), 2,
                                  record(pointer(12), 1, 60, kOne) + record(labels("o.TEST"), 1, 30, kTwo)));
  EXPECT_EQ(two.response.what, What::found);
  EXPECT_EQ(two.response.ttl_s, 30U);
  EXPECT_EQ(two.addresses, "10.0.0.1 10.0.0.2");
  const string six = string(15, '\0') + "\1";
  EXPECT_EQ(read(message(kPlain, question("o.test", 28), 1, record(pointer(12), 28, 1, six)), "o.test",
                 DnsType::aaaa)
                .addresses,
            "::1");
}

TEST(DnsResponseText, ATimeToLiveWithItsHighestBitIsZero) {  // RFC 2181 section 8
  EXPECT_EQ(
      read(message(kPlain, question("o.test"), 1, record(pointer(12), 1, 0x80000000, kOne))).response.ttl_s,
      0U);
  EXPECT_EQ(
      read(message(kPlain, question("o.test"), 1, record(pointer(12), 1, 0x7fffffff, kOne))).response.ttl_s,
      0x7fffffffU);
}

TEST(DnsResponseText, AliasesAreFollowedInAnyOrder) {
  const string to_b = record(pointer(12), 5, 9, labels("b.test")),
               to_c = record(labels("b.test"), 5, 5, labels("c.test")),
               at_c = record(labels("c.test"), 1, 7, kOne);
  for (const string& records : {to_b + to_c + at_c, at_c + to_c + to_b, to_c + at_c + to_b}) {
    const Result found = read(message(kPlain, question("o.test"), 3, records));
    EXPECT_EQ(found.addresses, "10.0.0.1");
    EXPECT_EQ(found.response.ttl_s, 5U);
  }
}

TEST(DnsResponseText, OnlyWhatBelongsToTheName) {
  const string other = record(labels("other.test"), 1, 60, kOne), chaos = record(pointer(12), 1, 60, kOne, 3),
               text = record(pointer(12), 16, 60, kOne), odd = record(pointer(12), 1, 60, kOne + "x");
  for (const string& stray : {other, chaos, text, odd}) {
    EXPECT_EQ(read(message(kPlain, question("o.test"), 1, stray)).response.what, What::none);
    EXPECT_EQ(
        read(message(kPlain, question("o.test"), 2, stray + record(pointer(12), 1, 60, kTwo))).addresses,
        "10.0.0.2");
  }
}

TEST(DnsResponseText, AliasesWithoutEndLeadNowhere) {
  string chain;
  for (int i = 0; i < 40; ++i)
    chain += record(i == 0 ? labels("o.test") : labels("c" + std::to_string(i) + ".test"), 5, 60,
                    labels("c" + std::to_string(i + 1) + ".test"));
  chain += record(labels("c40.test"), 1, 60, kOne);
  // In this order one pass follows them all; backwards each pass follows one.
  EXPECT_EQ(read(message(kPlain, question("o.test"), 1, record(pointer(12), 5, 60, labels("o.test"))))
                .response.what,
            What::none);
  const string circle =
      record(pointer(12), 5, 60, labels("b.test")) + record(labels("b.test"), 5, 60, labels("o.test"));
  EXPECT_EQ(read(message(kPlain, question("o.test"), 2, circle)).response.what, What::none);
}

TEST(DnsResponseText, WhatElseAServerSays) {
  struct Row {
    const char* title;
    unsigned flags;
    What what;
  };
  for (const Row& row :
       {Row{"no such name", 0x8183, What::none}, Row{"no such data", 0x8180, What::none},
        Row{"SERVFAIL", 0x8182, What::failed}, Row{"REFUSED", 0x8185, What::failed},
        Row{"FORMERR", 0x8181, What::failed}, Row{"neither authority nor resolver", 0x8100, What::failed},
        Row{"truncated", 0x8380, What::truncated}, Row{"a query", 0x0180, What::foreign},
        Row{"another operation", 0x8980, What::foreign}})
    EXPECT_EQ(read(message(row.flags, question("o.test"), 0, "")).response.what, row.what) << row.title;
}

TEST(DnsResponseText, OfAnotherQuery) {
  const string good = message(kPlain, question("o.test"), 1, record(pointer(12), 1, 60, kOne));
  EXPECT_EQ(read(good).response.what, What::found);
  EXPECT_EQ(read(good, "p.test").response.what, What::foreign);
  EXPECT_EQ(read(good, "o.test", DnsType::aaaa).response.what, What::foreign);
  EXPECT_EQ(read(u16(kId + 1) + good.substr(2)).response.what, What::foreign);
  EXPECT_EQ(read(message(kPlain, labels("o.test") + u16(1) + u16(3), 0, "")).response.what, What::foreign);
  EXPECT_EQ(read(u16(kId) + u16(kPlain) + u16(0) + good.substr(6)).response.what, What::foreign)
      << "no question";
}

TEST(DnsResponseText, CutOrSpoiltAnywhereItIsNeverRead) {
  const string good =
      message(kPlain, question("o.test"), 2,
              record(pointer(12), 5, 60, labels("b.test")) + record(labels("b.test"), 1, 60, kOne));
  ASSERT_EQ(read(good).addresses, "10.0.0.1");
  for (std::size_t at = 0; at < good.size(); ++at) {
    EXPECT_EQ(read(good.substr(0, at)).addresses, "") << at;
    for (const char byte : {'\0', '\x3f', '\x40', '\xc0', '\xff'}) {
      string spoilt = good;
      spoilt[at] = byte;
      read(spoilt);
    }
    string loop = good;
    loop.replace(at, 2, pointer(static_cast<unsigned>(at)));
    read(loop);
  }
}

TEST(DnsResponseText, APointerLeadsBackwardsOnly) {
  // The first name's pointer leads to a second pointer, which leads forwards again.
  const string ahead =
      message(kPlain, question("o.test"), 1, record(pointer(40), 1, 60, kOne) + labels("o.test"));
  EXPECT_EQ(read(ahead).response.what, What::failed);
}

}  // namespace
