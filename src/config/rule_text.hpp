// Access rules as text (--allow, --deny): reading them, and messages about them.
//
//   --allow client=10.0.0.0/8,port=80|8000-8999  --deny host=.example.com  --deny to=192.168.0.0/16  --allow
//   all
//
// A rule is a list of conditions, separated by "," or blanks; all must match. A condition has one value, or
// alternatives separated by "|". Each condition is given at most once.
//
//   client=10.0.0.0/8    client address: a network or an address
//   10.0.0.0/8           the same
//   host=*.example.com   host of the URL, ignoring case; "*" matches any characters, also none. Here: a name
//                        below example.com, but not example.com
//   host=.example.com    example.com and all names below it
//   host=192.0.2.1       this address in any spelling, but not names that resolve to it
//   host=@FILE           a host of this file; see host_list_text.hpp
//   to=192.168.0.0/16    address to connect to, for any host name
//   port=1024-65535      port of the URL
//   method=GET           request method, in capital letters
//   user=alice           user of --users
//   user=none            of --allow, without to=: no password is required
//   all                  no condition: every request
#pragma once
#include "../plan/rules.hpp"

namespace config {

// Reads one rule. Returns the error, or an empty string on success. On an error `out` is unchanged.
std::string parse_rule(plan::Action action, std::string_view text, plan::Rule& out);

// The first rule with user= although --users is missing. Empty: there is none.
std::string lacks_users(const plan::Rules& rules);

// Why the rules do not restrict a web server although they allow something: it ignores rules with to=, and
// every allow rule has one. Empty: they do, or need not.
std::string objection_to_web(const plan::Rules& rules);

// One line for each rule that has no effect.
std::vector<std::string> rule_warnings(const plan::Rules& rules);

// Why a public listener needs other rules: they must restrict the clients. Empty if they do.
std::string objection_to_public(const plan::Rules& rules);

}  // namespace config
