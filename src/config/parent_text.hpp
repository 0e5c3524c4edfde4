// Reads the upstream proxies (--parent) and the hosts that are reached without one (--no-parent).
//
//   --parent http://proxy.example.com:3128    HTTP proxy, port 8080 by default
//   --parent http://name:secret@[::1]:3128    with Basic credentials (RFC 7617); "@", ":" and "/" in them are
//                                             written as %40, %3A, %2F
//   --parent socks5://127.0.0.1:1080          SOCKS5 (RFC 1928), with credentials by RFC 1929; also
//   socks5h://
//   --parent http://unix:/run/proxy.sock      on a Unix socket; the path is not percent-decoded
//
//   --parent http://a.example:3128=.example.com,10.0.0.0/8    for these hosts: patterns as in rules, and
//   networks
//                                                             of numeric hosts; separated by "," or "|"
//   --parent none=.intern                                     directly; also "direct"
//
// The hosts follow the last "=" that no "@" follows, except that of "@FILE", a file of hosts as in rules. So
// a password that ends in "=" is taken for one, unless it looks like a port: then write %3D.
//
//   --no-parent .intern,example.com,10.0.0.0/8,[fd00::]/8:8080
//
//   *                   all hosts
//   example.com         this name and all names below it
//   .example.com        the names below it only; the same as *.example.com
//   10.0.0.0/8, ::1     numeric hosts with such an address; names are not resolved for this
//   any of them:80      for this port only; an IPv6 address then needs brackets: [::1]:80, [fd00::]/8:80
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "../plan/parent.hpp"

namespace config {

// These return the error, or an empty string on success. On an error `out` is unchanged. An error never
// contains the password.
std::string parse_parent(std::string_view text, plan::Parent& out);
// URL, or URL=HOSTS.
std::string parse_parent_row(std::string_view text, plan::ParentRow& out);
// Empty elements are skipped.
std::string parse_no_parent(std::string_view text, std::vector<plan::NoParent>& out);

// One line for each row that has no effect.
std::vector<std::string> parent_warnings(const std::vector<plan::ParentRow>& rows);

}  // namespace config
