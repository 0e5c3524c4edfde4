// What the clients of the other listeners send, and what must result: the reference model, written from the README.
#pragma once
#include <string>

#include "roles.hpp"

namespace sim::roles {

using To = CallPlan::To;
using Manner = CallPlan::Manner;
using What = CallPlan::Ask::What;

inline constexpr std::uint16_t kFirstPort = 8081;   // of the listeners, in the order of To
inline constexpr std::size_t kOtherMember = 2;      // of another configuration
inline constexpr std::size_t kLengthBytes = 8;      // with `waits`, the client sends the length first

std::string bytes_of(std::size_t size, std::size_t salt);
sys::Address member_at(std::size_t index, bool web);
// How a TCP proxy's server changes a byte, so that its output differs from an echo and from a server of another
// configuration.
std::string changed(std::string text, bool other = false);
std::string file_content(const RolesPlan& plan, bool large);
bool waits_for_end(const CallPlan& plan);
// The listener requires a header.
bool has_proxy_header(const RolesPlan& plan, const CallPlan& call);
std::string said_by(const CallPlan& plan);
bool is_length(const std::string& text);
std::string body_behind(std::size_t size, const std::string& posted, bool other);
// What the client must receive; `other`: from the servers of the other configuration.
std::string body_expected(const RolesPlan& plan, const CallPlan::Ask& ask, bool other);
std::string expected_without_http(const RolesPlan& plan, const CallPlan& call, bool other);

}  // namespace sim::roles
