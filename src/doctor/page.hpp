// The page of the loop doctor: which findings last, which have ended, and which connections wait long.
//
// Nothing of a message is in it: no URL, no header field, no address.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../state/diagnosis.hpp"
#include "../state/table.hpp"
#include "../watch/findings.hpp"

namespace doctor {

// The records that wait long, of those in use. Times in ms.
struct LongWaits {
  static constexpr std::size_t kListedMax = 64;

  struct Wait {
    std::uint32_t slot = 0;
    std::uint64_t id = 0;  // of the connection
    state::Situation situation{};
  };
  std::vector<Wait> longest{};  // at most kListedMax, the longest first
  std::uint64_t count = 0;      // of all that wait for kLongWaitMs or longer; without `idle`
  std::uint64_t idle = 0;       // connections that wait for their first or next request
};

// Looks at each record that was ever used. `now` in ms.
LongWaits long_waits(const Table& table, std::uint64_t now);

// What the page is made of.
struct PageFacts {
  const watch::FindingLog& findings;
  LongWaits waits{};
  std::uint64_t now = 0;  // ms
  std::uint64_t uptime_ms = 0;
  std::uint64_t records = 0, records_limit = 0;  // in use, without those of viewers; in the table
  std::uint64_t viewers = 0;                     // records of viewers of the board
};

// The page for people: lines of ASCII.
std::string page_text(const PageFacts& facts);
// The page as a JSON object, see docs/doctor.md.
std::string page_json(const PageFacts& facts);

// A response field with the number of findings that last, by severity, as a Dictionary of RFC 8941:
// "Proxy-Findings: error=0, warning=1, note=2" and CR LF.
std::string summary_field(const watch::FindingLog& findings);

}  // namespace doctor
