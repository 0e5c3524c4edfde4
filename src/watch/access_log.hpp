// Writes one access log line for each completed request, in a format of plan::kLogFormats.
//
// Text that clients or upstreams choose (method, URL, user, Referer, User-Agent) is escaped in every format:
// it can neither end a line or a value nor send control characters to a terminal. Text formats write control
// characters, quotes, backslashes and non-ASCII bytes as \xHH. JSON follows RFC 8259 section 7; as a URL need
// not be UTF-8, a non-ASCII byte is written as the character with its number (\u00HH).
#pragma once
#include "../base/text.hpp"
#include "../plan/config.hpp"
#include "../state/access_record.hpp"

namespace watch {

// Maximum length of a line. The longest is JSON, where an escaped byte has six.
inline constexpr std::size_t kAccessLineMax = 4096;

// Writes a time as RFC 3339 has it, UTC with milliseconds: "2026-11-21T04:30:27.123Z".
void put_time(base::Writer& out, std::uint64_t unix_ms) noexcept;

// Writes the line of a completed request. Examples (each is one line):
// own       2026-11-21T04:30:27.123Z 127.0.0.1:50312 #17 GET http://o.test/a 200 up=92 down=5120
// body=5000/5000
//             READ_REQUEST=0ms SEND_REQUEST=15ms(resolve=3ms,connect=12ms,send=0ms) READ_RESPONSE=40ms
//             SEND_RESPONSE=4ms in=SEND_RESPONSE end=complete by=upstream
// common    127.0.0.1 - - [21/Nov/2026:04:30:27 +0000] "GET http://o.test/a HTTP/1.1" 200 4980
// combined  the same, and: "http://o.test/" "curl/8.0"
// json      {"time":"2026-11-21T04:30:27.123Z","client":"127.0.0.1:50312","id":17,"method":"GET", ...}
// body: response body bytes sent, then the upstream's Content-Length, if any. in: the state in which the end
// was decided. Phases that the request did not reach are absent in `own` and null in `json`.
void write_access_line(plan::LogFormat format, const AccessRecord& record, base::Writer& out) noexcept;

}  // namespace watch
