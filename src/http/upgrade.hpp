// The protocols that Upgrade lists (RFC 9110 section 7.8), in any number of lines, and which of them pass.
//
// h2c, TLS and HTTP in any version never pass: the requests inside would reach the server without routes,
// rules and limits.
#pragma once
#include <string>
#include <vector>

#include "../base/text.hpp"
#include "head.hpp"

namespace http {

// The only protocols that pass, in lower case, with or without a version ("websocket", "foo/2"). A null
// pointer to it: all except those above.
using Protocols = std::vector<std::string>;

// Returns true if the protocol never passes.
bool is_barred(std::string_view protocol) noexcept;
// Returns true if one of the listed protocols passes.
bool may_upgrade(const Fields& fields, const Protocols* only) noexcept;
// Returns true if protocols are listed, and all pass: a 101 response with them can be forwarded.
bool may_switch(const Fields& fields, const Protocols* only) noexcept;

// The Upgrade line that a message has.
enum class UpgradeLine : std::uint8_t {
  none,
  passing,  // the listed protocols that pass
  all,      // all of them: a 426 response tells what the server requires
};
// Writes the line: one list, whatever lines were received. Nothing if it would be empty.
void put_upgrade(base::Writer& out, const Fields& fields, const Protocols* only, UpgradeLine line) noexcept;

}  // namespace http
