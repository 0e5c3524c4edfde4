// Fuzz target: the PROXY header before a connection's bytes, against a simple reader of both versions.
#include <arpa/inet.h>

#include <algorithm>

#include "../../src/net/proxy_protocol.hpp"
#include "properties.hpp"

namespace {

using namespace properties;
using net::ProxyHeader;
using What = ProxyHeader::What;

string describe(const ProxyHeader& header) {
  if (header.what != What::complete) return header.what == What::partial ? "partial" : "bad";
  return std::to_string(header.length) + " bytes, " + string{sys::endpoint_text(header.client).view()} +
         " to " + string{sys::endpoint_text(header.listener).view()};
}

// An address and a port as the header has them. Empty: they are none.
string address_text(int family, const void* bytes, unsigned port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(family, bytes, text.data(), text.size()) == nullptr) fail("an address that has no text");
  return (family == AF_INET ? string{text.data()} : "[" + string{text.data()} + "]") + ":" +
         std::to_string(port);
}

std::vector<string> words_of(const string& line) {
  std::vector<string> words{""};
  for (const char c : line) {
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  }
  return words;
}

bool is_port(const string& text) {
  const bool digits = !text.empty() && text.size() <= 5 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits && std::stoul(text) <= 65535 && std::to_string(std::stoul(text)) == text;
}

// Version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 1 80" CR LF. Empty: it is none.
string read_line(string_view text) {
  const std::size_t end = text.substr(0, 107).find("\r\n");
  if (end == string_view::npos) return "";
  const string line{text.substr(0, end)};
  const string length = std::to_string(end + 2) + " bytes, ";
  const std::vector<string> words = words_of(line);
  if (words.size() >= 2 && words[1] == "UNKNOWN") return length;
  if (words.size() != 6 || line.find('\0') != string::npos || !is_port(words[4]) || !is_port(words[5]))
    return "";
  const int family = words[1] == "TCP4" ? AF_INET : words[1] == "TCP6" ? AF_INET6 : -1;
  std::array<unsigned char, 16> from{}, to{};
  if (family == -1 || inet_pton(family, words[2].c_str(), from.data()) != 1 ||
      inet_pton(family, words[3].c_str(), to.data()) != 1)
    return "";
  return length + address_text(family, from.data(), static_cast<unsigned>(std::stoul(words[4]))) + " to " +
         address_text(family, to.data(), static_cast<unsigned>(std::stoul(words[5])));
}

// Version 2: signature, version and command, family, length; then addresses and ports. Empty: it is none.
string read_binary(string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
  if (text.size() < 16) return "";
  const std::size_t length = at(14) * 256 + at(15);
  if (16 + length > net::kProxyHeaderBytesMax || text.size() < 16 + length) return "";
  const string begin = std::to_string(16 + length) + " bytes, ";
  if (at(12) == 0x20) return begin;
  if (at(12) != 0x21) return "";
  const std::size_t needed = at(13) == 0x11 || at(13) == 0x12   ? 12
                             : at(13) == 0x21 || at(13) == 0x22 ? 36
                             : at(13) == 0x31 || at(13) == 0x32 ? 216
                                                                : 0;
  if (at(13) != 0 && (needed == 0 || length < needed)) return "";
  if (at(13) != 0x11 && at(13) != 0x21) return begin;
  const int family = at(13) == 0x11 ? AF_INET : AF_INET6;
  const std::size_t size = family == AF_INET ? 4 : 16, ports = 16 + 2 * size;
  return begin + address_text(family, text.data() + 16, at(ports) * 256 + at(ports + 1)) + " to " +
         address_text(family, text.data() + 16 + size, at(ports + 2) * 256 + at(ports + 3));
}

// The same, of what the program read.
string plain(const ProxyHeader& header) {
  if (header.what != What::complete) return "";
  const string length = std::to_string(header.length) + " bytes, ";
  if (header.client.bits() == 0) return length;
  const int family = header.client.bits() == 32 ? AF_INET : AF_INET6;
  return length + address_text(family, header.client.bytes.data(), header.client.port) + " to " +
         address_text(family, header.listener.bytes.data(), header.listener.port);
}

// Written again in each version, it names the same addresses.
void check_written(const ProxyHeader& header) {
  for (const std::uint8_t version : {std::uint8_t{1}, std::uint8_t{2}}) {
    std::array<std::byte, net::kProxyHeaderWrittenMax> room;
    const std::size_t length = net::write_proxy_header(version, header.client, header.listener, room);
    require(length > 0, "a header does not fit in kProxyHeaderWrittenMax");
    const ProxyHeader again = net::read_proxy_header({reinterpret_cast<const char*>(room.data()), length});
    require(again.what == What::complete && again.length == length, "a header as we write it was refused");
    const sys::Address from = sys::unmapped(header.client), to = sys::unmapped(header.listener);
    require(sys::unmapped(again.client) == from, "the client, written and read");
    require(sys::unmapped(again.listener) == to, "the listener, written and read");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const string_view text{reinterpret_cast<const char*>(data), size};
  Revealed input{text};
  const ProxyHeader whole = net::read_proxy_header(input.show(size));
  require(whole.what != What::complete || whole.length <= size, "a header longer than the input");
  require(whole.what != What::partial || size < net::kProxyHeaderBytesMax,
          "the longest header is not enough");
  for (std::size_t given = 0; given < size; ++given) {
    const ProxyHeader part = net::read_proxy_header(input.show(given));
    if (part.what == What::partial) continue;
    require_same(describe(part), describe(whole), "the result depends on how the header was cut");
    require(part.what == What::bad || given >= part.length, "a header is complete before its last byte");
    break;
  }
  const bool line = text.substr(0, 6) == "PROXY ";
  const bool binary = text.substr(0, 12) == string_view{"\r\n\r\n\0\r\nQUIT\n", 12};
  require_same(plain(whole), line ? read_line(text) : binary ? read_binary(text) : "", "the header");
  if (whole.what == What::complete) check_written(whole);
  return 0;
}
