// Patterns of hosts, as rules and upstream proxies have them. config/host_text.hpp describes their text.
#pragma once
#include <string>
#include <string_view>

#include "../sys/address.hpp"
#include "host_list.hpp"

namespace plan {

// Lower-case text, where "*" matches any characters, or a numeric host, or the hosts of a file.
struct HostPattern {
  std::string text;                        // of a list: "@FILE"
  sys::Address address{};                  // family none: match `text`
  std::shared_ptr<const HostList> list{};  // null: none
};

// A host in the form that patterns match: without a final dot, which does not count (RFC 1034 section 3.1). A
// numeric host has one spelling: "0:0::1" is "::1", and "::ffff:10.0.0.1" is "10.0.0.1".
class Host {
 public:
  // A name or an address without brackets. REQUIRES: the text outlives this.
  explicit Host(std::string_view host) noexcept;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  [[nodiscard]] bool is_numeric() const noexcept { return address_.family != sys::Address::Family::none; }
  [[nodiscard]] const sys::Address& address() const noexcept { return address_; }

 private:
  std::string_view text_;
  sys::AddressText spelling_;
  sys::Address address_;
};

bool is_numeric(const HostPattern& pattern) noexcept;
// It is "*".
bool is_everything(const HostPattern& pattern) noexcept;
// The pattern matches the host, ignoring case.
bool matches(const HostPattern& pattern, const Host& host) noexcept;
// The same, or it matches an IPv4 address embedded in a numeric host. Use it to deny.
bool may_match(const HostPattern& pattern, const Host& host) noexcept;
// `wide` matches each host that `narrow` matches. False also for some pairs where that is so.
bool is_within(const HostPattern& narrow, const HostPattern& wide) noexcept;

}  // namespace plan
