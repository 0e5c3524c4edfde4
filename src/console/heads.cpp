#include "heads.hpp"

#include <algorithm>

#include "../../request_state.hpp"
#include "../base/siphash.hpp"
#include "../base/text.hpp"
#include "../http/url_path.hpp"

namespace console {
namespace {

using std::string;
using std::string_view;

// Standard fields without secrets, in lower case and in order. All others are hidden: a new field can hold a
// token.
constexpr std::array<string_view, 56> kShown{"accept",
                                             "accept-charset",
                                             "accept-encoding",
                                             "accept-language",
                                             "accept-ranges",
                                             "age",
                                             "allow",
                                             "alt-svc",
                                             "cache-control",
                                             "connection",
                                             "content-encoding",
                                             "content-language",
                                             "content-length",
                                             "content-location",
                                             "content-range",
                                             "content-type",
                                             "date",
                                             "dnt",
                                             "etag",
                                             "expect",
                                             "expires",
                                             "forwarded",
                                             "host",
                                             "if-match",
                                             "if-modified-since",
                                             "if-none-match",
                                             "if-range",
                                             "if-unmodified-since",
                                             "keep-alive",
                                             "last-modified",
                                             "location",
                                             "max-forwards",
                                             "pragma",
                                             "proxy-connection",
                                             "proxy-status",
                                             "range",
                                             "referer",
                                             "retry-after",
                                             "server",
                                             "server-timing",
                                             "te",
                                             "traceparent",
                                             "trailer",
                                             "transfer-encoding",
                                             "upgrade",
                                             "upgrade-insecure-requests",
                                             "user-agent",
                                             "vary",
                                             "via",
                                             "warning",
                                             "x-content-type-options",
                                             "x-forwarded-for",
                                             "x-forwarded-host",
                                             "x-forwarded-port",
                                             "x-forwarded-proto",
                                             "x-request-id"};
static_assert(std::is_sorted(kShown.begin(), kShown.end()));

constexpr std::array<string_view, 3> kUrls{"content-location", "location", "referer"};

bool is_in(std::span<const string_view> names, string_view name) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

string not_shown(std::size_t bytes) {
  return "(not shown, " + std::to_string(bytes) + (bytes == 1 ? " byte)" : " bytes)");
}

// Without user name and password, query and fragment.
void put_url(string& out, string_view url) {
  const http::PublicUrl shown = http::without_userinfo(url);
  const string whole = string{shown.before} + string{shown.after};
  const std::size_t end = std::min(whole.find_first_of("?#"), whole.size());
  out.append(whole, 0, end);
  if (end < whole.size()) (out += whole[end]) += "...";
}

// "GET http://h/x?y HTTP/1.1", or a status line.
void put_first_line(string& out, string_view line) {
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (line.starts_with("HTTP/") || first == string_view::npos || last <= first) {
    out += line;
    return;
  }
  out += line.substr(0, first + 1);
  put_url(out, line.substr(first + 1, last - first - 1));
  out += line.substr(last);
}

// A name and a password can stand where no reader of URLs expects them: in a relative reference, as
// "//user:password@host/", in one that only browsers accept, or in Host. So no value with "@" is shown.
void put_field(string& out, string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == string_view::npos) return;
  const string_view value = base::trimmed(line.substr(colon + 1));
  const string name = base::lowered(line.substr(0, colon));
  out += line.substr(0, colon);
  out += ": ";
  string shown;
  if (is_in(kUrls, name))
    put_url(shown, value);
  else
    shown = value;
  out += is_in(kShown, name) && shown.find('@') == string::npos ? shown : not_shown(value.size());
}

// Removes the first line, without its end.
string_view take_line(string_view& text) noexcept {
  const std::size_t end = std::min(text.find('\n'), text.size());
  string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// An empty value too counts as an agent. The loopback addresses are one client: a browser may open the board
// at "localhost", which is ::1 for it, and use the proxy at 127.0.0.1.
std::uint64_t hash_of(const sys::Address& client, string_view agent) noexcept {
  const sys::ClientKey key = sys::client_key(client.is_loopback() ? sys::loopback4(0) : client);
  return base::siphash({key.network, key.ipv6 ? 1U : 0U}, agent).low | 1U;
}

// Of that request; the end of `ring` if it is not there.
template <class Ring>
auto place_of(Ring& ring, std::uint64_t id, std::uint32_t nth) noexcept {
  return std::find_if(ring.begin(), ring.end(),
                      [&](const Heads& heads) { return heads.id == id && heads.nth == nth; });
}

}  // namespace

string public_head(string_view head) {
  string out;
  put_first_line(out, take_line(head));
  out += '\n';
  while (!head.empty() && out.size() < kHeadTextMax) {
    const string_view line = take_line(head);
    if (line.empty()) return out;
    put_field(out, line);
    out += '\n';
  }
  if (out.size() > kHeadTextMax) {
    out.resize(kHeadTextMax);
    out += "...\n";
  }
  return out;
}

void HeadStore::watch() noexcept {
  watched_ms_ = worker_.now;
  worker_.heads = this;
}

Heads& HeadStore::place_for(std::uint64_t id, std::uint32_t nth) {
  const auto found = place_of(ring_, id, nth);
  if (found != ring_.end()) return *found;
  if (ring_.size() < kRequests) ring_.emplace_back();
  Heads& place = ring_[next_ % kRequests];
  ++next_;
  place = {.id = id, .nth = nth, .received = {}, .sent = {}};
  return place;
}

bool HeadStore::is_watched() noexcept {
  if (worker_.now < watched_ms_ + kWatchedMs) return true;
  worker_.heads = nullptr;
  ring_.clear();
  next_ = 0;
  return false;
}

void HeadStore::note_client(const sys::Address& client, string_view agent) noexcept {
  if (is_watched() && !has_seen(client, agent)) clients_[next_client_++ % kClients] = hash_of(client, agent);
}

void HeadStore::keep(const request_info& record, Message message, string_view received,
                     string_view sent) noexcept {
  if (!is_watched()) return;
  Heads& heads = place_for(record.id, record.served + 1);
  heads.received[static_cast<std::size_t>(message)] = public_head(received);
  heads.sent[static_cast<std::size_t>(message)] = public_head(sent);
}

const Heads* HeadStore::find(std::uint64_t id, std::uint32_t nth) const noexcept {
  const auto found = place_of(ring_, id, nth);
  return found == ring_.end() ? nullptr : &*found;
}

bool HeadStore::has_seen(const sys::Address& client, string_view agent) const noexcept {
  return std::find(clients_.begin(), clients_.end(), hash_of(client, agent)) != clients_.end();
}

}  // namespace console
