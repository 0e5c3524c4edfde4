// Fuzz target: a DNS response, in memory of exactly its size.
#include <algorithm>

#include "../../src/net/dns_message.hpp"
#include "properties.hpp"

namespace {

using namespace properties;
using What = net::DnsResponse::What;

// The bytes of an address that was found stand in the message.
bool contains(string_view message, const sys::Address& address) {
  const std::size_t length = address.family == sys::Address::Family::ipv4 ? 4 : 16;
  const string_view bytes{reinterpret_cast<const char*>(address.bytes.data()), length};
  return message.find(bytes) != string_view::npos;
}

void check(string_view message, net::DnsType type) {
  const auto exact = std::make_unique<std::byte[]>(message.size());
  if (!message.empty()) std::memcpy(exact.get(), message.data(), message.size());
  const auto id = message.size() < 2
                      ? std::uint16_t{0}
                      : static_cast<std::uint16_t>(static_cast<unsigned char>(message[0]) << 8 |
                                                   static_cast<unsigned char>(message[1]));
  std::vector<sys::Address> found(1);  // of another family: must stay
  const net::DnsResponse response =
      net::read_dns_response({exact.get(), message.size()}, "o.test", type, id, found);
  require(found[0] == sys::Address{}, "an earlier address was changed");
  require((response.what == What::found) == (found.size() > 1), "found without an address, or the reverse");
  require(response.what == What::found || response.ttl_s == 0, "a time to live without an address");
  require(found.size() - 1 <= message.size() / 11, "more addresses than records fit");
  for (std::size_t i = 1; i < found.size(); ++i) {
    require(found[i].bits() == (type == net::DnsType::a ? 32U : 128U), "an address of another family");
    require(found[i].port == 0 && found[i].scope == 0, "an address with a port or a scope");
    require(contains(message, found[i]), "an address that is not in the message");
  }
  std::vector<sys::Address> none;
  require(net::read_dns_response({exact.get(), message.size()}, "o.test", type,
                                 static_cast<std::uint16_t>(id + 1), none)
                  .what == What::foreign,
          "another ID is accepted");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const string_view message{reinterpret_cast<const char*>(data), size};
  check(message, net::DnsType::a);
  check(message, net::DnsType::aaaa);
  return 0;
}
