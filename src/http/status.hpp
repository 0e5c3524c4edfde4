// HTTP status codes, and the error response that belongs to each reason.
#pragma once
#include <cstdint>
#include <string_view>

#include "../base/reason.hpp"

namespace http {

// The response that the proxy itself sends when a request fails.
struct ErrorReply {
  std::uint16_t status = 0;  // 0: no response is sent for this reason
  std::string_view sentence{};
  std::string_view proxy_error{};  // error type in Proxy-Status (RFC 9209 section 2.3); empty: no such field
  std::string_view advice{};       // empty if the sentence says it all
};

const ErrorReply& error_reply(base::Reason reason) noexcept;

// The reason phrase (RFC 9110 section 15) of a status that the proxy sends; "Unknown" for all others.
std::string_view phrase(std::uint16_t status) noexcept;

}  // namespace http
