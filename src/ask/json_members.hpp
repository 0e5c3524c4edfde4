// Reads a JSON document that the proxy itself has written, without a library.
#pragma once
#include <map>
#include <string>
#include <string_view>

namespace ask {

// The values by their path: "client.marks.readable" -> "true", "findings.0.code" -> "spin". Of an array also
// its length: "findings.length". Strings are without quotes; their bytes outside visible ASCII and blanks are
// "?". A null is missing.
using Members = std::map<std::string, std::string, std::less<>>;

// Returns false, and leaves `members` unspecified, if `text` is not JSON (RFC 8259), or is nested over 16
// levels deep.
bool read_members(std::string_view text, Members& members);

// The value; empty if there is none.
std::string_view member(const Members& members, std::string_view path);

}  // namespace ask
