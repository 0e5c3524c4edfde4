// The forwarding headers that a reverse proxy adds: the client's address, the requested host and the scheme.
#pragma once
#include "../base/text.hpp"
#include "rewrite.hpp"

namespace http {

struct RequestedHost {
  Authority host;
  bool has_port = false;  // the request names the port
  [[nodiscard]] bool known() const noexcept { return !host.host.empty(); }
};

// The host of an absolute target, else of Host. Not known() if the request has neither.
RequestedHost requested_host(const RequestHead& head) noexcept;
// Writes at most kHostTextMax bytes.
void put_requested_host(base::Writer& out, const RequestedHost& host) noexcept;

// Returns true if the value of a Forwarded field follows the grammar (RFC 7239 section 4), so that an element
// can be appended. Blanks around ";" are accepted.
bool is_forwarded(std::string_view value) noexcept;

// The element for X-Forwarded-For: the client's address.
void put_forwarded_for(base::Writer& out, const RequestHead& head, const Form& form) noexcept;
// The element for Forwarded (RFC 7239 section 4): for, host if known, proto.
void put_forwarded(base::Writer& out, const RequestHead& head, const Form& form) noexcept;

}  // namespace http
