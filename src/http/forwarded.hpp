// What a reverse proxy tells the server behind it: who asked, for which host, by which scheme.
#pragma once
#include "../base/text.hpp"
#include "rewrite.hpp"

namespace http {

// The host that was asked for, and the port if one was said.
struct Asked {
  Authority host;
  bool has_port = false;
  [[nodiscard]] bool known() const noexcept { return !host.host.empty(); }
};

// That of an absolute target, else of Host; not known if there is neither.
Asked asked_host(const RequestHead& head) noexcept;
// At most kHostTextMax bytes.
void put_asked(base::Writer& out, const Asked& asked) noexcept;

// The element for X-Forwarded-For: the client's address alone.
void put_forwarded_for(base::Writer& out, const RequestHead& head, const Form& form) noexcept;
// The element for Forwarded (RFC 7239 section 4): for, host if it is known, proto.
void put_forwarded(base::Writer& out, const RequestHead& head, const Form& form) noexcept;

}  // namespace http
