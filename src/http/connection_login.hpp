// Authentication that logs in a connection, not a request, as NTLM and Negotiate do (RFC 4559 section 6).
#pragma once
#include "head.hpp"

namespace http {

// Returns true if credentials or a challenge (RFC 9110 sections 11.4 to 11.7) name a scheme other than Basic,
// Bearer and Digest, which belong to a request. Such a connection must not serve another client. A value that
// cannot be parsed counts as such a scheme.
bool logs_in_connection(const Fields& fields) noexcept;

}  // namespace http
