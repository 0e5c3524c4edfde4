// DNS messages (RFC 1035 section 4): writes a query, reads a response. Pure functions of their arguments.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "../sys/address.hpp"

namespace net {

// Types of resource records (RFC 1035 section 3.2.2, RFC 3596).
enum class DnsType : std::uint16_t { a = 1, cname = 5, aaaa = 28 };

inline constexpr std::size_t kDnsQueryMax = 12 + 255 + 4;  // header, name, type and class

// Writes a query with recursion desired into `out`. `host` has no final dot. Returns its length; 0 if `host`
// is not a domain name: a label has 1 to 63 bytes, all together at most 253 (RFC 1035 section 2.3.4).
std::size_t write_dns_query(std::string_view host, DnsType type, std::uint16_t id,
                            std::span<std::byte, kDnsQueryMax> out) noexcept;

// What a message says about a query.
struct DnsResponse {
  enum class What : std::uint8_t {
    foreign,    // not a response to this query: another ID or question, or not a DNS message
    truncated,  // TC: to be asked again by TCP
    found,      // `addresses` were appended
    none,       // the name does not exist, or has no address of this type
    failed,     // the server cannot answer (SERVFAIL, REFUSED ...), or its response is malformed
  };
  What what = What::foreign;
  std::uint32_t ttl_s = 0;  // found: the least of the records used (RFC 2181 section 8)
};
// Reads a response to the query for `host`, `type` with this ID. Follows aliases (CNAME) in the answer
// section, at most 16. Addresses of other names are ignored.
DnsResponse read_dns_response(std::span<const std::byte> message, std::string_view host, DnsType type,
                              std::uint16_t id, std::vector<sys::Address>& addresses);

}  // namespace net
