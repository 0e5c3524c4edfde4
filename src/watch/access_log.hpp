// One line for each finished request, in one of the formats of plan::kLogFormats.
//
// What a client or a host may choose freely (the method, the URL, Referer, User-Agent) is escaped in every
// format, so that it can neither end a line or a value nor reach a terminal: in the formats of text, control
// characters, quotes, backslashes and all that is not ASCII become \xHH; in JSON what RFC 8259 section 7
// says, with each byte beyond ASCII as the character of its number (\u00HH), since a URL need not be UTF-8.
#pragma once
#include <string_view>

#include "../../request_state.hpp"
#include "../base/text.hpp"

namespace watch {

// Of the longest line: JSON, whose escapes are six bytes for one of the method and of the URL.
inline constexpr std::size_t kAccessLineMax = 4096;

// For example (each one line):
// own       2026-11-21T04:30:27.123Z 127.0.0.1:50312 #17 GET http://o.test/a 200 up=92 down=5120
// body=5000/5000
//             READ_REQUEST=0ms SEND_REQUEST=15ms(resolve=3ms,connect=12ms,send=0ms) READ_RESPONSE=40ms
//             SEND_RESPONSE=4ms in=SEND_RESPONSE end=complete by=upstream
// common    127.0.0.1 - - [21/Nov/2026:04:30:27 +0000] "GET http://o.test/a HTTP/1.1" 200 4980
// combined  the same, and: "http://o.test/" "curl/8.0"
// json      {"time":"2026-11-21T04:30:27.123Z","client":"127.0.0.1:50312","id":17,"method":"GET", ...}
// body: bytes sent behind the answer's head, of those that the host announced by Content-Length, if it did.
// Phases that there were not are left out of `own`, and null in `json`. in: where it was decided how it ends.
void write_access_line(plan::LogFormat format, const Exchange& exchange, base::Writer& out) noexcept;

}  // namespace watch
