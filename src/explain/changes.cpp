#include "changes.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "../base/text.hpp"

namespace explain {
namespace {

using std::string;
using std::string_view;

struct Cause {
  string_view name, why;
};

// clang-format off
constexpr std::array kCauses{
    Cause{"Host", "taken from the URL, RFC 9112 section 3.2.2"},
    Cause{"Forwarded", "the client's address for the server, RFC 7239"},
    Cause{"X-Forwarded-For", "the client's address for the server"},
    Cause{"X-Real-IP", "the client's address for the server"},
    Cause{"X-Forwarded-Host", "Host of the client, for the server"},
    Cause{"X-Forwarded-Proto", "the client's protocol, for the server"},
    Cause{"X-Request-Id", "names the request in both logs (--request-id)"},
    Cause{"Connection", "hop-by-hop, RFC 9110 section 7.6.1"},
    Cause{"Proxy-Connection", "hop-by-hop, not standard, RFC 9112 appendix C.2.2"},
    Cause{"Keep-Alive", "hop-by-hop, RFC 9110 section 7.6.1"},
    Cause{"TE", "hop-by-hop, RFC 9110 section 10.1.4"},
    Cause{"Transfer-Encoding", "hop-by-hop, RFC 9112 section 6.1"},
    Cause{"Trailer", "trailers are dropped, RFC 9110 section 6.5.1"},
    Cause{"Upgrade", "hop-by-hop, RFC 9110 section 7.8"},
    Cause{"Proxy-Authorization", "for one proxy only, RFC 9110 section 11.7.2"},
    Cause{"Via", "lists the proxies passed, RFC 9110 section 7.6.3"},
    Cause{"Content-Length", "written again from the parsed number, RFC 9112 section 6.2"},
};
// clang-format on

bool edits_field(const http::FieldEdits* edits, string_view name) noexcept {
  if (edits == nullptr) return false;
  return edits->removes(name) || std::any_of(edits->add.begin(), edits->add.end(), [name](const auto& added) {
           return base::equals_ignoring_case(added.name, name);
         });
}

string_view cause_of(string_view line, const http::FieldEdits* edits) noexcept {
  const string_view name = line.substr(0, line.find(':'));
  if (edits_field(edits, name)) return "by the configuration of the route";
  const auto* const found = std::find_if(kCauses.begin(), kCauses.end(), [name](const Cause& cause) {
    return base::equals_ignoring_case(cause.name, name);
  });
  return found == kCauses.end() ? "listed in Connection, RFC 9110 section 7.6.1" : found->why;
}

std::vector<string_view> lines_of(string_view text) {
  std::vector<string_view> lines;
  for (std::size_t end = 0; (end = text.find("\r\n")) != string_view::npos && end != 0;
       text.remove_prefix(end + 2))
    lines.push_back(text.substr(0, end));
  return lines;
}

void put_changed(string& out, char sign, string_view line, string_view why) {
  out += "  ";
  out += sign;
  out += ' ' + string{line};
  if (!why.empty()) out += "    (" + string{why} + ")";
  out += '\n';
}

bool in_origin_form(string_view request_line) noexcept {
  return request_line.find(" /") != string_view::npos;
}

void put_request_line(string& out, string_view before, string_view after) {
  if (before == after) return put_changed(out, ' ', after, "");
  put_changed(out, '-', before, "");
  put_changed(out, '+', after,
              !in_origin_form(after)   ? "for a proxy, RFC 9112 section 3.2.2"
              : in_origin_form(before) ? "the path for the server"
                                       : "origin-form, RFC 9112 section 3.2.1");
}

}  // namespace

// Fields keep their order, so fields in both heads are found in one pass.
string changes(string_view before, string_view after, const http::FieldEdits* edits) {
  const std::vector<string_view> old = lines_of(before), fresh = lines_of(after);
  string out;
  put_request_line(out, old[0], fresh[0]);
  std::size_t next = 1;
  for (std::size_t i = 1; i < old.size(); ++i) {
    const auto same = std::find(fresh.begin() + static_cast<std::ptrdiff_t>(next), fresh.end(), old[i]);
    if (same == fresh.end()) {
      put_changed(out, '-', old[i], cause_of(old[i], edits));
      continue;
    }
    for (; fresh[next] != old[i]; ++next) put_changed(out, '+', fresh[next], cause_of(fresh[next], edits));
    put_changed(out, ' ', fresh[next++], "");
  }
  for (; next < fresh.size(); ++next) put_changed(out, '+', fresh[next], cause_of(fresh[next], edits));
  return out;
}

}  // namespace explain
