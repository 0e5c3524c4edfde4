#include "host_list_text.hpp"

#include <algorithm>
#include <span>

#include "../base/text.hpp"
#include "../sys/address.hpp"
#include "../sys/sys.hpp"

namespace config {
namespace {

using plan::HostList;
using std::string;
using std::string_view;

constexpr string_view kNameExpected = "expected a name, as in example.com or .example.com";

bool is_name(string_view text) noexcept {
  return !text.empty() && text.size() <= HostList::kNameMax && text.front() != '.' &&
         text.find("..") == string_view::npos && base::all_are(text, base::kHostName);
}

// Why it is not an entry, and what to do.
string invalid(string_view text) {
  const string subject = "invalid host " + base::quoted(text.substr(0, 80)) + ": ";
  sys::Address address;
  if (const std::size_t blank = text.find_first_of(" \t"); blank != string_view::npos) {
    const bool hosts = sys::parse_ip(text.substr(0, blank), 0, address);
    return subject + (hosts ? "this is a line of a hosts file: remove the address before the name"
                            : "write one name in a line");
  }
  if (text.find('*') != string_view::npos)
    return subject +
           "a file can have * at the start only, as in *.example.com; write other patterns into the rule";
  if (text.find("//") != string_view::npos) return subject + "remove the scheme and the path";
  if (text.find('/') != string_view::npos)
    return subject + "a file has names; write networks into the rule, with to=";
  if (text.starts_with('|') || text.ends_with('^'))
    return subject + "this is a line of an ad blocker: write the name alone";
  if (text.find(':') != string_view::npos) return subject + "remove the port; the rule can have port=";
  if (!base::all_are(text, base::kVisible)) return subject + "write international names in their xn-- form";
  return subject + string{kNameExpected};
}

// Returns the error.
string take_entry(string_view text, HostList& out) {
  const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  const bool may_be_numeric =
      bracketed || base::is(text.front(), base::kDigit) || text.find(':') != string_view::npos;
  sys::Address address;
  if (may_be_numeric && sys::parse_ip(bracketed ? text.substr(1, text.size() - 2) : text, 0, address)) {
    out.add(sys::ip_text(sys::unmapped(address)).view(), HostList::kItself);
    return {};
  }
  const bool below = text.starts_with("*."), both = text.starts_with('.');
  const string name = base::lowered(base::without_final_dot(text.substr(below ? 2 : both ? 1 : 0)));
  if (!is_name(name)) return invalid(text);
  out.add(name, static_cast<std::uint8_t>((below ? 0 : HostList::kItself) |
                                          (below || both ? HostList::kBelow : 0)));
  return {};
}

}  // namespace

std::shared_ptr<HostList> host_list(plan::HostLists& lists, const string& path) {
  const auto found =
      std::find_if(lists.begin(), lists.end(), [&path](const auto& list) { return list->path() == path; });
  if (found != lists.end()) return *found;
  if (lists.size() == kHostListsMax) return nullptr;
  std::uint64_t key = 0;
  sys::random_bytes(std::as_writable_bytes(std::span{&key, 1}));
  return lists.emplace_back(std::make_shared<HostList>(path, key));
}

string parse_host_list(string_view text, HostList& out) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  out.clear(std::min(lines, kHostListNamesMax));
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    string_view entry = base::trimmed(line.substr(0, line.find('#')));
    if (entry.ends_with('\r')) entry = base::trimmed(entry.substr(0, entry.size() - 1));
    if (entry.empty()) continue;
    if (string error = take_entry(entry, out); !error.empty())
      return "line " + std::to_string(number) + ": " + error;
    if (out.size() > kHostListNamesMax)
      return "line " + std::to_string(number) + ": too many names: at most " +
             std::to_string(kHostListNamesMax);
  }
  if (out.size() != 0) return {};
  return "no names: " + string{kNameExpected} + " in each line";
}

}  // namespace config
