#include "host_text.hpp"

#include <algorithm>

#include "../base/text.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;

bool is_pattern(string_view text) {
  return !text.empty() && text.front() != '.' && text.find("..") == string_view::npos &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '*' || base::is(c, base::kHostName); });
}

string invalid_host(string_view text) {
  string error = "invalid host pattern " + base::quoted(text) + ": expected a name, as in *.example.com";
  if (text.find("//") != string_view::npos) return error + " (without scheme and path)";
  if (text.find('/') != string_view::npos) return error + " (for networks, use to=)";
  if (text.find(':') != string_view::npos) return error + " (for the port, use port=)";
  if (!base::all_are(text, base::kVisible)) return error + " (write international names in their xn-- form)";
  return error;
}

}  // namespace

string parse_host_pattern(string_view text, std::vector<plan::HostPattern>& out) {
  if (text.starts_with('@')) {
    if (text.size() == 1) return "missing file name after '@', as in @/etc/proxy/blocked";
    out.push_back({string{text}});
    return {};
  }
  const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  sys::Address address;
  if (sys::parse_ip(bracketed ? text.substr(1, text.size() - 2) : text, 0, address)) {
    out.push_back({string{text}, sys::unmapped(address)});
    return {};
  }
  string pattern = base::lowered(base::without_final_dot(text));
  const bool with_all_below = pattern.size() > 1 && pattern.front() == '.';
  if (with_all_below) out.push_back({"*" + pattern, {}});
  if (with_all_below) pattern.erase(0, 1);
  if (!is_pattern(pattern)) return invalid_host(text);
  out.push_back({pattern, {}});
  return {};
}

}  // namespace config
