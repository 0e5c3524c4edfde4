// The small answers we give ourselves when a request cannot be served.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "../base/reason.hpp"
#include "rewrite.hpp"

namespace http {

// Writes a whole response: the reason's status, its sentence and `detail` (may be empty) as plain text, and
// `date`. `to_head`: without the body, its length stated all the same. Returns the length written. REQUIRES:
// row(reason).status != 0; `detail` is visible ASCII and blanks; `room` has kAnswerBytesMax bytes.
std::size_t write_answer(base::Reason reason, std::string_view detail, bool to_head, std::string_view date,
                         std::span<char> room) noexcept;

inline constexpr std::size_t kAnswerDetailMax = 512;
inline constexpr std::size_t kAnswerBytesMax = 2048;

// Asks a client that waits for it to send the body (RFC 9110 section 15.2.1).
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace http
