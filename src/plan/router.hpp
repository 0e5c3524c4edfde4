// Decides what to do with a request, by the configuration alone.
#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "config.hpp"
#include "plan.hpp"

namespace plan {

// For listeners of role `forward` and `web`. `machine`: the addresses of this machine. While the user is
// unknown, a plan other than `refuse` is one for some user.
Plan plan_request(const Config& config, const Listener& listener, const http::RequestHead& head,
                  const sys::Address& client, std::span<const Network> machine = {},
                  const Requester& user = {}) noexcept;
// What is done with each connection of a listener of the other roles; nothing for `forward` and `web`.
std::optional<Kind> kind_of(Role role) noexcept;

// The request needs a Content-Length and has none.
bool lacks_length(const Config& config, const http::RequestHead& head) noexcept;
// The most bytes that the body of a request may have: by its route (null: none), its listener, or the
// configuration. kUnlimited: any number.
std::uint64_t body_limit(const Config& config, const Listener& listener, const WebRoute* route) noexcept;
// The request announces a body of more bytes (RFC 9110 section 15.5.14). The end of a chunked body is not
// known.
bool announces_more(const http::RequestHead& head, std::uint64_t limit) noexcept;
// Via contains `name`: the request has passed that proxy (RFC 9110 section 7.6.3).
bool has_passed(const http::RequestHead& head, std::string_view name) noexcept;

}  // namespace plan
