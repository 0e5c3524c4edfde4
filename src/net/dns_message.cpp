#include "dns_message.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "../base/text.hpp"
#include "../http/head.hpp"

namespace net {
namespace {

constexpr std::size_t kHeaderBytes = 12, kLabelMax = 63;
constexpr std::uint16_t kClassIn = 1;
constexpr std::size_t kAliasesMax = 16;

// A name as text, without a final dot. A dot inside a label looks like one between labels: such a name
// equals no host, as the query's labels have no dots.
struct DnsName {
  std::array<char, http::kHostBytesMax> text;
  std::size_t length = 0;
  [[nodiscard]] std::string_view view() const noexcept { return {text.data(), length}; }
};

// Reads numbers and names; after an error all results are empty.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> message) noexcept : message_(message) {}

  [[nodiscard]] bool failed() const noexcept { return failed_; }
  std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() noexcept { return number(4); }
  std::span<const std::byte> bytes(std::size_t count) noexcept {
    if (failed_ || count > message_.size() - at_) {
      failed_ = true;
      return {};
    }
    at_ += count;
    return message_.subspan(at_ - count, count);
  }
  // A compressed name (RFC 1035 section 4.1.4). Each pointer leads to an earlier place than the one before,
  // so there is no loop.
  DnsName name() noexcept {
    DnsName out;
    std::size_t at = at_, limit = at_;
    bool jumped = false;
    for (;;) {
      const std::optional<std::uint8_t> length = byte(at);
      if (!length) return fail();
      if (*length == 0) break;
      if (*length <= kLabelMax) {
        if (!append(out, at + 1, *length)) return fail();
        at += 1U + *length;
        continue;
      }
      const std::optional<std::uint8_t> low = byte(at + 1);
      if (*length < 0xc0 || !low) return fail();
      if (!jumped) at_ = at + 2;
      jumped = true;
      at = (*length & 0x3fU) << 8 | *low;
      if (at >= limit) return fail();
      limit = at;
    }
    if (!jumped) at_ = at + 1;
    return out;
  }

 private:
  DnsName fail() noexcept {
    failed_ = true;
    return {};
  }
  [[nodiscard]] std::optional<std::uint8_t> byte(std::size_t at) const noexcept {
    if (failed_ || at >= message_.size()) return std::nullopt;
    return std::to_integer<std::uint8_t>(message_[at]);
  }
  std::uint32_t number(std::size_t count) noexcept {
    std::uint32_t value = 0;
    for (const std::byte byte : bytes(count)) value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
  }
  bool append(DnsName& out, std::size_t at, std::size_t length) const noexcept {
    const std::size_t dot = out.length == 0 ? 0 : 1;
    if (at + length > message_.size() || out.length + dot + length > http::kHostBytesMax) return false;
    if (dot != 0) out.text[out.length++] = '.';
    for (std::size_t i = 0; i < length; ++i)
      out.text[out.length++] = static_cast<char>(std::to_integer<std::uint8_t>(message_[at + i]));
    return true;
  }

  std::span<const std::byte> message_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

struct Record {
  DnsName name;
  std::uint16_t type = 0, of_class = 0;
  std::uint32_t ttl_s = 0;
  std::span<const std::byte> data;
  DnsName alias;  // of a CNAME
};

Record read_record(Reader& reader, std::span<const std::byte> message) noexcept {
  Record record;
  record.name = reader.name();
  record.type = reader.u16();
  record.of_class = reader.u16();
  record.ttl_s = reader.u32();
  if (record.ttl_s > std::numeric_limits<std::int32_t>::max()) record.ttl_s = 0;  // RFC 2181 section 8
  const std::size_t length = reader.u16();
  record.data = reader.bytes(length);
  if (reader.failed() || record.type != static_cast<std::uint16_t>(DnsType::cname)) return record;
  Reader inner{message};
  inner.bytes(static_cast<std::size_t>(record.data.data() - message.data()));
  record.alias = inner.name();
  return record;
}

std::optional<sys::Address> address_in(const Record& record, DnsType type) noexcept {
  const std::size_t length = type == DnsType::a ? 4 : 16;
  if (record.type != static_cast<std::uint16_t>(type) || record.data.size() != length) return std::nullopt;
  sys::Address address;
  address.family = type == DnsType::a ? sys::Address::Family::ipv4 : sys::Address::Family::ipv6;
  std::transform(record.data.begin(), record.data.end(), address.bytes.begin(),
                 [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
  return address;
}

// One pass over the answer section, from `reader` on: collects the addresses of `name`, or replaces `name` by
// its alias. Returns nothing if the section is malformed; else true if the name was an alias.
std::optional<bool> follow(Reader reader, std::span<const std::byte> message, std::size_t records,
                           DnsType type, DnsName& name, std::uint32_t& ttl_s,
                           std::vector<sys::Address>& addresses) {
  bool alias = false;
  for (std::size_t i = 0; i < records; ++i) {
    const Record record = read_record(reader, message);
    if (reader.failed()) return std::nullopt;
    if (record.of_class != kClassIn || !base::equals_ignoring_case(record.name.view(), name.view())) continue;
    const std::optional<sys::Address> address = address_in(record, type);
    const bool leads_on = record.type == static_cast<std::uint16_t>(DnsType::cname);
    if (address) addresses.push_back(*address);
    if (leads_on) name = record.alias;
    if (address || leads_on) ttl_s = std::min(ttl_s, record.ttl_s);
    alias = alias || leads_on;
  }
  return alias;
}

DnsResponse read_answers(Reader reader, std::span<const std::byte> message, std::size_t records,
                         std::string_view host, DnsType type, std::vector<sys::Address>& addresses) {
  DnsResponse response{DnsResponse::What::none, std::numeric_limits<std::uint32_t>::max()};
  const std::size_t before = addresses.size();
  DnsName name;
  name.length = host.copy(name.text.data(), name.text.size());
  for (std::size_t aliases = 0; aliases <= kAliasesMax; ++aliases) {
    const std::optional<bool> alias = follow(reader, message, records, type, name, response.ttl_s, addresses);
    if (!alias) {
      addresses.resize(before);
      return {DnsResponse::What::failed, 0};
    }
    if (addresses.size() > before) return {DnsResponse::What::found, response.ttl_s};
    if (!*alias) break;
  }
  return {DnsResponse::What::none, 0};
}

}  // namespace

std::size_t write_dns_query(std::string_view host, DnsType type, std::uint16_t id,
                            std::span<std::byte, kDnsQueryMax> out) noexcept {
  if (host.empty() || host.size() > http::kHostBytesMax) return 0;
  std::size_t at = 0;
  const auto put = [&out, &at](std::size_t byte) { out[at++] = static_cast<std::byte>(byte); };
  const auto put16 = [&put](std::size_t value) {
    put(value >> 8 & 0xff);
    put(value & 0xff);
  };
  for (const std::size_t value : {std::size_t{id}, std::size_t{0x0100} /* RD */, std::size_t{1},
                                  std::size_t{0}, std::size_t{0}, std::size_t{0}})
    put16(value);
  while (true) {
    const std::string_view label = host.substr(0, host.find('.'));
    if (label.empty() || label.size() > kLabelMax) return 0;
    put(label.size());
    for (const char c : label) put(static_cast<unsigned char>(c));
    if (label.size() == host.size()) break;
    host.remove_prefix(label.size() + 1);
  }
  put(0);
  put16(static_cast<std::size_t>(type));
  put16(kClassIn);
  return at;
}

DnsResponse read_dns_response(std::span<const std::byte> message, std::string_view host, DnsType type,
                              std::uint16_t id, std::vector<sys::Address>& addresses) {
  constexpr unsigned kResponse = 0x8000, kOpcode = 0x7800, kAuthoritative = 0x0400, kTruncated = 0x0200,
                     kRecursion = 0x0080, kCode = 0x000f, kNoError = 0, kNoName = 3;
  if (message.size() < kHeaderBytes) return {};
  Reader reader{message};
  const bool ours = reader.u16() == id;
  const unsigned flags = reader.u16();
  const std::size_t questions = reader.u16(), records = reader.u16();
  reader.bytes(4);
  if (!ours || (flags & kResponse) == 0 || (flags & kOpcode) != 0 || questions != 1) return {};
  const DnsName asked = reader.name();
  if (!base::equals_ignoring_case(asked.view(), host)) return {};
  if (reader.u16() != static_cast<std::uint16_t>(type) || reader.u16() != kClassIn || reader.failed())
    return {};
  if ((flags & kTruncated) != 0) return {DnsResponse::What::truncated, 0};
  if ((flags & kCode) == kNoName) return {DnsResponse::What::none, 0};
  if ((flags & kCode) != kNoError) return {DnsResponse::What::failed, 0};
  // Neither an authority nor a resolver: it knows nothing of this name.
  if (records == 0 && (flags & (kAuthoritative | kRecursion)) == 0) return {DnsResponse::What::failed, 0};
  return read_answers(reader, message, records, host, type, addresses);
}

}  // namespace net
