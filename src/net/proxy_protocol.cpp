#include "proxy_protocol.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"

namespace net {
namespace {

using base::Writer;
using std::string_view;
using Family = sys::Address::Family;
using What = ProxyHeader::What;

constexpr ProxyHeader bad() noexcept { return {.what = What::bad}; }
constexpr ProxyHeader without_addresses(std::size_t length) noexcept {
  return {.what = What::complete, .length = length};
}

bool starts_alike(string_view received, string_view wanted) noexcept {
  const std::size_t length = std::min(received.size(), wanted.size());
  return received.substr(0, length) == wanted.substr(0, length);
}

// ---- version 1 (section 2.1) -----------------------------------------------------------------------------

constexpr string_view kLineBegin = "PROXY ";

// Removes the text before the next space into `word`. Returns false if there is no space.
bool take_word(string_view& rest, string_view& word) noexcept {
  const std::size_t blank = rest.find(' ');
  if (blank == string_view::npos) return false;
  word = rest.substr(0, blank);
  rest.remove_prefix(blank + 1);
  return true;
}

// Leading zeros are refused: some readers take them as octal.
bool parse_port(string_view text, std::uint16_t& port) noexcept {
  return base::parse_decimal(text, port) && (text.size() == 1 || text.front() != '0');  // PLANT(proxy-port)
}

bool parse_addresses(string_view rest, Family family, ProxyHeader& out) noexcept {
  string_view client, listener, client_port;
  std::uint16_t from = 0, to = 0;
  return take_word(rest, client) && take_word(rest, listener) && take_word(rest, client_port) &&
         parse_port(client_port, from) && parse_port(rest, to) && sys::parse_ip(client, from, out.client) &&
         sys::parse_ip(listener, to, out.listener) && out.client.family == family &&
         out.listener.family == family;
}

ProxyHeader read_line(string_view received) noexcept {
  const std::size_t end = received.substr(0, kProxyLineBytesMax).find("\r\n");
  if (end == string_view::npos) return received.size() < kProxyLineBytesMax ? ProxyHeader{} : bad();
  string_view rest = received.substr(0, end);
  rest.remove_prefix(kLineBegin.size());
  const string_view protocol = rest.substr(0, rest.find(' '));
  ProxyHeader header = without_addresses(end + 2);
  if (protocol == "UNKNOWN") return header;  // the rest of the line is ignored
  if (protocol != "TCP4" && protocol != "TCP6") return bad();
  rest.remove_prefix(std::min(protocol.size() + 1, rest.size()));
  return parse_addresses(rest, protocol == "TCP4" ? Family::ipv4 : Family::ipv6, header) ? header : bad();
}

void put_line(Writer& out, const sys::Address& client, const sys::Address& listener) noexcept {
  if (client.family == Family::none) {
    out << kLineBegin << "UNKNOWN\r\n";
    return;
  }
  out << kLineBegin << (client.family == Family::ipv4 ? "TCP4 " : "TCP6 ") << sys::ip_text(client).view()
      << ' ' << sys::ip_text(listener).view() << ' ' << std::uint64_t{client.port} << ' '
      << std::uint64_t{listener.port} << "\r\n";
}

// ---- version 2 (section 2.2) -----------------------------------------------------------------------------

constexpr string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t kFixedBytes = 16;  // signature, version and command, family, length
constexpr unsigned char kLocal = 0x20, kProxy = 0x21;
constexpr unsigned char kTcp4 = 0x11, kTcp6 = 0x21;

// The known values of the family and transport byte; all others must be refused.
struct Block {
  unsigned char family;
  std::size_t bytes;  // minimum length of the addresses
};
constexpr std::array<Block, 7> kBlocks{
    {{0x00, 0}, {kTcp4, 12}, {0x12, 12}, {kTcp6, 36}, {0x22, 36}, {0x31, 216}, {0x32, 216}}};

constexpr unsigned char byte_at(string_view text, std::size_t at) noexcept {
  return static_cast<unsigned char>(text[at]);
}
constexpr std::uint16_t number_at(string_view text, std::size_t place) noexcept {
  return static_cast<std::uint16_t>(byte_at(text, place) << 8 | byte_at(text, place + 1));
}

sys::Address address_at(string_view text, std::size_t place, Family family, std::uint16_t port) noexcept {
  sys::Address address;
  address.family = family;
  address.port = port;
  for (std::size_t i = 0; i < address.bits() / 8; ++i) address.bytes[i] = byte_at(text, place + i);
  return address;
}

// Reads both addresses, then both ports.
void read_addresses(string_view block, Family family, ProxyHeader& out) noexcept {
  const std::size_t size = family == Family::ipv4 ? 4 : 16;
  out.client = address_at(block, 0, family, number_at(block, 2 * size));
  out.listener = address_at(block, size, family, number_at(block, 2 * size + 2));
}

ProxyHeader read_binary(string_view received) noexcept {
  if (received.size() > 12 && byte_at(received, 12) != kLocal && byte_at(received, 12) != kProxy)
    return bad();
  if (received.size() < kFixedBytes) return {};
  const std::size_t length = number_at(received, 14);
  if (kFixedBytes + length > kProxyHeaderBytesMax) return bad();  // PLANT(proxy-header-limit)
  const bool local = byte_at(received, 12) == kLocal;
  const unsigned char family = byte_at(received, 13);
  const auto* const block = std::find_if(kBlocks.begin(), kBlocks.end(),
                                         [family](const Block& known) { return known.family == family; });
  if (!local && (block == kBlocks.end() || length < block->bytes)) return bad();  // PLANT(proxy-addresses)
  if (received.size() < kFixedBytes + length) return {};
  ProxyHeader header = without_addresses(kFixedBytes + length);
  if (!local && (family == kTcp4 || family == kTcp6))
    read_addresses(received.substr(kFixedBytes), family == kTcp4 ? Family::ipv4 : Family::ipv6, header);
  return header;
}

void put_number(Writer& out, std::size_t number) noexcept {
  out << static_cast<char>(number >> 8) << static_cast<char>(number & 0xffU);
}

void put_binary(Writer& out, const sys::Address& client, const sys::Address& listener) noexcept {
  const std::size_t size = client.bits() / 8;
  out << kSignature;
  if (size == 0) {
    out << static_cast<char>(kLocal) << '\0';
    put_number(out, 0);
    return;
  }
  out << static_cast<char>(kProxy) << static_cast<char>(size == 4 ? kTcp4 : kTcp6);
  put_number(out, 2 * size + 4);
  for (const sys::Address* address : {&client, &listener})
    for (std::size_t i = 0; i < size; ++i) out << static_cast<char>(address->bytes[i]);
  put_number(out, client.port);
  put_number(out, listener.port);
}

}  // namespace

std::size_t write_proxy_header(std::uint8_t version, const sys::Address& client, const sys::Address& listener,
                               std::span<std::byte> out) noexcept {
  sys::Address from = sys::unmapped(client), to = sys::unmapped(listener);
  if (from.family == Family::none || to.family == Family::none) from = to = {};
  if (from.family != to.family) from = sys::mapped(from), to = sys::mapped(to);
  from.scope = to.scope = 0;  // has no meaning on another machine
  Writer writer{{reinterpret_cast<char*>(out.data()), out.size()}};
  if (version == 1)
    put_line(writer, from, to);
  else
    put_binary(writer, from, to);
  return writer.overflowed() ? 0 : writer.length();
}

ProxyHeader read_proxy_header(string_view received) noexcept {
  if (starts_alike(received, kLineBegin))
    return received.size() < kLineBegin.size() ? ProxyHeader{} : read_line(received);
  if (starts_alike(received, kSignature))
    return received.size() < kSignature.size() ? ProxyHeader{} : read_binary(received);
  return bad();
}

}  // namespace net
