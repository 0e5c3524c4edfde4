// The PROXY header of HAProxy's specification, written and read.
#include "../../src/net/proxy_protocol.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace {

using std::string;
using std::string_view;
using What = net::ProxyHeader::What;
using namespace std::string_literals;

sys::Address ip(string_view text, std::uint16_t port) {
  sys::Address address;
  EXPECT_TRUE(sys::parse_ip(text, port, address)) << text;
  return address;
}

string written(std::uint8_t version, const sys::Address& client, const sys::Address& listener) {
  std::array<std::byte, net::kProxyHeaderWrittenMax> room;
  const std::size_t length = net::write_proxy_header(version, client, listener, room);
  for (std::size_t less = 0; less < length; ++less)
    EXPECT_EQ(net::write_proxy_header(version, client, listener, std::span{room}.first(less)), 0U);
  return {reinterpret_cast<const char*>(room.data()), length};
}

const string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const string kAll = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

// A complete header gives its addresses, a prefix is partial, and bytes after it change nothing.
void expect_read(const string& header, const sys::Address& client, const sys::Address& listener) {
  for (const string& behind : {""s, "\r\n"s, "GET / HTTP/1.1\r\n\r\n"s, header}) {
    const net::ProxyHeader read = net::read_proxy_header(header + behind);
    ASSERT_EQ(read.what, What::complete) << header;
    EXPECT_EQ(read.length, header.size());
    EXPECT_EQ(read.client, client) << header;
    EXPECT_EQ(read.listener, listener) << header;
  }
  for (std::size_t cut = 0; cut < header.size(); ++cut)
    EXPECT_EQ(net::read_proxy_header(string_view{header}.substr(0, cut)).what, What::partial) << cut;
}

// Malformed, whatever follows, and no prefix is complete.
void expect_bad(const string& header) {
  EXPECT_EQ(net::read_proxy_header(header).what, What::bad) << header;
  EXPECT_EQ(net::read_proxy_header(header + "\r\n").what, What::bad) << header;
  for (std::size_t cut = 0; cut < header.size(); ++cut)
    EXPECT_NE(net::read_proxy_header(string_view{header}.substr(0, cut)).what, What::complete) << header;
}

struct Row {
  string line;    // version 1
  string binary;  // version 2
  sys::Address client, listener;
};

std::vector<Row> rows() {
  return {
      {"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n",
       kSignature + "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb"s, ip("192.0.2.1", 56324),
       ip("198.51.100.2", 443)},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",  // the specification's longest
       kSignature + "\x21\x11\0\x0c"s + string(12, '\xff'), ip("255.255.255.255", 65535),
       ip("255.255.255.255", 65535)},
      {"PROXY TCP4 0.0.0.0 127.0.0.1 0 9\r\n", kSignature + "\x21\x11\0\x0c\0\0\0\0\x7f\0\0\1\0\0\0\x09"s,
       ip("0.0.0.0", 0), ip("127.0.0.1", 9)},
      {"PROXY TCP6 2001:db8::1 ::1 1 256\r\n",
       kSignature + "\x21\x21\0\x24\x20\1\x0d\xb8"s + string(11, '\0') + "\1"s + string(15, '\0') +
           "\1\0\1\1\0"s,
       ip("2001:db8::1", 1), ip("::1", 256)},
      {"PROXY TCP6 " + kAll + " " + kAll + " 65535 65535\r\n",
       kSignature + "\x21\x21\0\x24"s + string(36, '\xff'), ip(kAll, 65535), ip(kAll, 65535)},
      {"PROXY UNKNOWN\r\n", kSignature + "\x20\0\0\0"s, {}, {}},
  };
}

TEST(ProxyHeader, WrittenAndReadInBothVersions) {
  for (const Row& row : rows()) {
    EXPECT_EQ(written(1, row.client, row.listener), row.line);
    EXPECT_EQ(written(2, row.client, row.listener), row.binary) << row.line;
    expect_read(row.line, row.client, row.listener);
    expect_read(row.binary, row.client, row.listener);
  }
}

TEST(ProxyHeader, MappedAddressesAreWrittenAsIpv4) {
  EXPECT_EQ(written(1, ip("::ffff:192.0.2.1", 7), ip("127.0.0.1", 8)),
            "PROXY TCP4 192.0.2.1 127.0.0.1 7 8\r\n");
}

// As HAProxy writes them: an IPv6 client at a load balancer that connects by IPv4.
TEST(ProxyHeader, DifferentFamiliesAreWrittenAsIpv6) {
  EXPECT_EQ(written(1, ip("2001:db8::1", 7), ip("192.0.2.1", 8)),
            "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 7 8\r\n");
  EXPECT_EQ(written(2, ip("192.0.2.1", 7), ip("2001:db8::1", 8)),
            kSignature + "\x21\x21\0\x24"s + string(10, '\0') + "\xff\xff\xc0\0\2\1"s + "\x20\1\x0d\xb8"s +
                string(11, '\0') + "\1\0\7\0\x08"s);
  expect_read("PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 7 8\r\n", ip("2001:db8::1", 7),
              ip("::ffff:192.0.2.1", 8));
}

TEST(ProxyHeader, UnknownAddresses) {
  EXPECT_EQ(written(2, {}, ip("::1", 8)), kSignature + "\x20\0\0\0"s);
  sys::Address local = ip("fe80::1", 7);
  local.scope = 3;
  EXPECT_EQ(written(1, local, ip("::1", 8)), "PROXY TCP6 fe80::1 ::1 7 8\r\n");
}

TEST(ReadProxyHeader, WithoutAddresses) {
  const string longest = "PROXY UNKNOWN " + kAll + " " + kAll + " 65535 65535\r\n";
  ASSERT_EQ(longest.size(), 107U);  // section 2.1
  for (const string& line : {"PROXY UNKNOWN \r\n"s, "PROXY UNKNOWN \0 \n\r?\r\n"s, longest})
    expect_read(line, {}, {});
  expect_read(kSignature + "\x20\xff\0\5 what"s, {}, {});  // LOCAL: the rest is ignored
  expect_read(kSignature + "\x21\0\0\0"s, {}, {});
  expect_read(kSignature + "\x21\0\0\3abc"s, {}, {});
  for (const char family : {'\x12', '\x22', '\x31', '\x32'})
    expect_read(kSignature + "\x21"s + family + "\0\xd8"s + string(216, '/'), {}, {});
}

TEST(ReadProxyHeader, SkipsTlvs) {
  const Row row = rows()[0];
  string header = row.binary;
  header[15] = '\x0f';
  expect_read(header + "\4\0\0"s, row.client, row.listener);  // a TLV without a value
  header[14] = '\x02', header[15] = '\x18';                   // 536
  expect_read(header + string(536 - 12, 't'), row.client, row.listener);
  header[15] = '\x19';
  expect_bad(header + string(537 - 12, 't'));
}

TEST(ReadProxyHeader, MalformedLines) {
  for (const char* const line : {
           "GET / HTTP/1.1\r\n",
           "proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
           " PROXY UNKNOWN\r\n",
           "PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
           "PROXY\tTCP4 1.1.1.1 1.1.1.1 1 1\r\n",
           "PROXY \r\n",
           "PROXY UNKNOWNS\r\n",
           "PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n",
           "PROXY tcp4 1.1.1.1 1.1.1.1 1 1\r\n",
           "PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n",
           "PROXY TCP4\r\n",
           "PROXY TCP4 \r\n",
           "PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n",
           "PROXY TCP4 1.1.1.1 1.1.1.1 1 \r\n",
           "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n",
           "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n",
           "PROXY TCP4 1.1.1.1  1.1.1.1 1 1\r\n",
           "PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n",
           "PROXY TCP4 1.1.1.1 1.1.1.1 1 00\r\n",
           "PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n",
           "PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n",
           "PROXY TCP4 1.1.1.01 1.1.1.1 1 1\r\n",
           "PROXY TCP4 1.1.1.256 1.1.1.1 1 1\r\n",
           "PROXY TCP4 1.1.1 1.1.1.1 1 1\r\n",
           "PROXY TCP4 ::1 1.1.1.1 1 1\r\n",
           "PROXY TCP4 1.1.1.1 ::1 1 1\r\n",
           "PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n",
           "PROXY TCP6 [::1] ::1 1 1\r\n",
           "PROXY TCP6 fe80::1%1 ::1 1 1\r\n",
           "PROXY TCP6 1::2::3 ::1 1 1\r\n",
       })
    expect_bad(line);
  expect_bad("PROXY TCP4 1.1.1.1\0 1.1.1.1 1 1\r\n"s);
}

TEST(ReadProxyHeader, LineIsAtMost107Bytes) {
  const string text = "PROXY UNKNOWN ";
  const auto line = [&](std::size_t length) { return text + string(length - text.size() - 2, 'x') + "\r\n"; };
  expect_read(line(107), {}, {});
  expect_bad(line(108));
  expect_bad(string{"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n"} + string(107, '\n'));
}

TEST(ReadProxyHeader, MalformedBinaryHeaders) {
  const string addresses(36, '\1');
  for (const string& rest : {
           "\x11\x11\0\x0c"s,  // version
           "\x31\x11\0\x0c"s,
           "\x22\x11\0\x0c"s,  // command
           "\x21\x10\0\x0c"s,  // family and transport
           "\x21\x01\0\x0c"s, "\x21\x13\0\x0c"s, "\x21\x41\0\x24"s,
           "\x21\x11\0\x0b"s,  // too short for its addresses
           "\x21\x12\0\x0b"s, "\x21\x21\0\x23"s, "\x21\x22\0\x23"s, "\x21\x31\0\xd7"s,
           "\x20\0\xff\xff"s,  // longer than accepted
       })
    expect_bad(kSignature + rest + addresses);
  string wrong = kSignature + "\x20\0\0\0"s;
  for (std::size_t i = 0; i < kSignature.size(); ++i) {
    ++wrong[i];
    expect_bad(wrong);
    --wrong[i];
  }
}

}  // namespace
