#include "proxy_header.hpp"

#include <algorithm>

namespace sim {

namespace {

using Kind = ProxyHeaderKind;
using Family = sys::Address::Family;

constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};

sys::Address ip(const std::string& text, std::uint16_t port) {
  sys::Address address;
  sys::parse_ip(text, port, address);
  return address;
}

sys::Address named4(std::size_t index, bool of_one) {
  return ip(of_one ? "127.0.0.1" : "10.9.0." + std::to_string(index + 1), static_cast<std::uint16_t>(1000 + index));
}
sys::Address named6(std::size_t index) { return ip("2001:db8::" + std::to_string(index + 1), static_cast<std::uint16_t>(1000 + index)); }

std::string line(const std::string& protocol, const std::string& from, const std::string& to, const std::string& port) {
  return "PROXY " + protocol + " " + from + " " + to + " " + port + " 443\r\n";
}

std::string number(std::size_t n) { return {static_cast<char>(n >> 8), static_cast<char>(n & 0xff)}; }

std::string bytes_of(const sys::Address& address) {
  return {reinterpret_cast<const char*>(address.bytes.data()), address.family == Family::ipv4 ? 4U : 16U};
}

sys::Address as_ipv6(const sys::Address& address) {
  return address.family == Family::ipv6 ? address : ip("::ffff:" + std::string{sys::ip_text(address).view()}, address.port);
}

std::string addresses(const sys::Address& from, const sys::Address& to) {
  return bytes_of(from) + bytes_of(to) + number(from.port) + number(to.port);
}

std::string binary(int command, int family, const std::string& block) {
  return std::string{kSignature} + static_cast<char>(command) + static_cast<char>(family) + number(block.size()) + block;
}

std::string malformed_line(Kind kind, const std::string& from, const std::string& port) {
  const std::string to = "192.0.2.1";
  switch (kind) {
    case Kind::protocol: return line("TCP5", from, to, port);
    case Kind::port: return line("TCP4", from, to, "65536");
    case Kind::zero: return line("TCP4", from, to, "0" + port);
    case Kind::blank: return line("TCP4 ", from, to, port);
    case Kind::mixed: return line("TCP4", "2001:db8::1", "2001:db8::2", port);
    default: return "PROXY TCP4 " + std::string(120, '1');
  }
}

}  // namespace

std::string header_of(Kind kind, std::size_t index, bool of_one) {
  const sys::Address from4 = named4(index, of_one), from6 = named6(index), to4 = ip("192.0.2.1", 443), to6 = ip("2001:db8::ff", 443);
  const std::string port = std::to_string(from4.port), text4{sys::ip_text(from4).view()}, text6{sys::ip_text(from6).view()};
  switch (kind) {
    case Kind::none: return {};
    case Kind::line4: return line("TCP4", text4, "192.0.2.1", port);
    case Kind::line6: return line("TCP6", text6, "2001:db8::ff", port);
    case Kind::unknown: return "PROXY UNKNOWN\r\n";
    case Kind::unknown_more: return "PROXY UNKNOWN ffff::1 whatever 65536\r\n";
    case Kind::binary4: return binary(0x21, 0x11, addresses(from4, to4));
    case Kind::binary6: return binary(0x21, 0x21, addresses(from6, to6));
    case Kind::local: return binary(0x20, 0x00, "");
    case Kind::datagram: return binary(0x21, 0x12, addresses(from4, to4));
    case Kind::extended: return binary(0x21, 0x11, addresses(from4, to4) + "\x04" + number(300) + std::string(300, 'n'));
    case Kind::version: return binary(0x11, 0x11, addresses(from4, to4));
    case Kind::command: return binary(0x22, 0x11, addresses(from4, to4));
    case Kind::family: return binary(0x21, 0x41, addresses(from4, to4));
    case Kind::short_block: return binary(0x21, 0x11, addresses(from4, to4).substr(0, 11));
    default: return malformed_line(kind, text4, port);
  }
}

sys::Address client_of(Kind kind, std::size_t index, bool of_one, const sys::Address& peer) {
  switch (kind) {
    case Kind::line4:
    case Kind::binary4:
    case Kind::extended: return named4(index, of_one);
    case Kind::line6:
    case Kind::binary6: return named6(index);
    default: return peer;
  }
}

std::string expected_header(std::uint8_t version, const sys::Address& client, const sys::Address& listener) {
  if (version == 0) return {};
  if (client.family != listener.family) return expected_header(version, as_ipv6(client), as_ipv6(listener));
  const bool is4 = client.family == Family::ipv4;
  if (version == 2) return binary(0x21, is4 ? 0x11 : 0x21, addresses(client, listener));
  return "PROXY " + std::string{is4 ? "TCP4 " : "TCP6 "} + std::string{sys::ip_text(client).view()} + " " +
         std::string{sys::ip_text(listener).view()} + " " + std::to_string(client.port) + " " + std::to_string(listener.port) + "\r\n";
}

std::size_t header_length(std::uint8_t version, std::string_view text) {
  if (version == 1) return text.find("\r\n") == std::string_view::npos ? 0 : text.find("\r\n") + 2;
  if (text.size() < 16) return 0;
  const std::size_t block = static_cast<unsigned char>(text[14]) * 256U + static_cast<unsigned char>(text[15]);
  return text.size() < 16 + block ? 0 : 16 + block;
}

std::string judge_heard(const std::vector<Heard>& heard, const std::vector<Announced>& announced) {
  std::vector<bool> used(announced.size());
  // Several headers may be equal: match the longest prefix first.
  std::vector<Heard> most_first = heard;
  std::stable_sort(most_first.begin(), most_first.end(), [](const Heard& a, const Heard& b) { return a.said.size() > b.said.size(); });
  for (const Heard& one : most_first) {
    if (one.header.empty() && one.said.empty()) continue;
    const auto fits = [&](std::size_t i) {
      const Announced& call = announced[i];
      return call.has_header && !used[i] && one.header == call.header && std::string_view{call.said}.starts_with(one.said);
    };
    std::size_t i = 0;
    while (i < announced.size() && !fits(i)) ++i;
    if (i == announced.size()) return "a server has " + std::to_string(one.said.size()) + " bytes that no client sent it, or another client's, after: " + one.header;
    used[i] = !one.header.empty();  // without a header clients cannot be distinguished
  }
  return {};
}

Kind draw_proxy_header(Chooser& chooser, bool of_one) {
  static constexpr Kind kGood[] = {Kind::line4, Kind::binary4, Kind::unknown, Kind::unknown_more, Kind::local,
                                   Kind::datagram, Kind::extended, Kind::line6, Kind::binary6};
  constexpr auto kFirstBad = static_cast<std::uint32_t>(Kind::protocol);
  if (chooser.choose(4) != 0) return kGood[chooser.choose(of_one ? 7 : 9)];
  if (chooser.choose(4) == 0) return Kind::none;
  return static_cast<Kind>(kFirstBad + chooser.choose(static_cast<std::uint32_t>(Kind::count) - kFirstBad));
}

std::string_view describe(Kind kind) {
  static constexpr std::string_view kNames[] = {"none", "line4", "line6", "unknown", "unknown_more", "binary4", "binary6", "local", "datagram", "extended",
                                                "protocol", "port", "zero", "blank", "endless", "mixed", "version", "command", "family", "short_block"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace sim
