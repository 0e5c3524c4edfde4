#include "keys.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "options.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;

constexpr std::array<FileKey, 5> kFileKeys{
    {{"server_name", kHttpBits}, {"workers"}, {"servers"}, {"forward"}, {"rules", kHttpBits}}};

constexpr std::array<FileKey, 3> kListenerKeys{{{"host"}, {"port"}, {"max_body", kMessageBits}}};

constexpr std::array<FileKey, 10> kServerKeys{{{"listeners"},
                                               {"hostnames", kWebBits},
                                               {"routes", kWebBits},
                                               {"stream"},
                                               {"keep_alive", kWebBits},
                                               {"users", kRouteBits},
                                               {"realm", kRouteBits},
                                               {"charset", kFilesBit},
                                               {"max_body", kReverseBit},
                                               {"request_timeout_ms", kWebBits}}};

constexpr std::array<FileKey, 28> kRouteKeys{{
    {"req_path"},
    {"type"},
    {"users"},
    {"realm"},
    {"ip_whitelist"},
    {"ip_blacklist"},
    {"keep_alive"},
    {"dir_path", kFilesBit},
    {"index", kFilesBit},
    {"listing", kFilesBit},
    {"dotfiles", kFilesBit},
    {"gzip_enable", kFilesBit},
    {"gzip_level", kFilesBit},
    {"gzip_mime_types", kFilesBit},
    {"http_status_code", kRedirectBit},
    {"redirect_url", kRedirectBit},
    {"upstreams", kReverseBit},
    {"upstream", kReverseBit},
    {"load_balancing", kReverseBit},
    {"request_timeout_ms"},
    {"charset", kFilesBit},
    {"max_body", kReverseBit},
    {"strip_prefix", kReverseBit},
    {"add_request_fields", kReverseBit},
    {"remove_request_fields", kReverseBit},
    {"add_response_fields"},
    {"remove_response_fields", kReverseBit},
    {"health_check", kReverseBit},
}};

constexpr std::array<FileKey, 9> kStreamKeys{{
    {"type"},
    {"proxy_protocol_in"},
    {"proxy_protocol_from"},
    {"upstream", kRelayBit},
    {"upstreams", kRelayBit},
    {"load_balancing", kRelayBit},
    {"proxy_protocol_out", kRelayBit},
    {"file", kSentFileBit},
    {"root", kSentFileBit},
}};

constexpr std::array<FileKey, 2> kHealthKeys{{{"path"}, {"interval_ms"}}};

// Before the head of a request is known, and after its response, no route is.
constexpr bool is_of_a_route(plan::Wait wait) noexcept {
  return wait != plan::Wait::idle && wait != plan::Wait::keep_alive && wait != plan::Wait::linger;
}

std::vector<FileKey> keys_with_options() {
  std::vector<FileKey> all{kFileKeys.begin(), kFileKeys.end()};
  static std::vector<string> names;
  for (const string_view option : option_names())
    if (option_kind(option) != OptionKind::special) names.push_back(file_key(option));
  for (const string& name : names) all.push_back({name});
  return all;
}

std::vector<FileKey> keys_with_timeouts(std::span<const FileKey> keys, bool of_a_route) {
  static const std::vector<string> names = [] {
    std::vector<string> all;
    for (const plan::WaitRow& row : plan::kDeadlineRows) all.push_back(file_key(row.option));
    return all;
  }();
  std::vector<FileKey> all{keys.begin(), keys.end()};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (const plan::WaitRow& row = plan::kDeadlineRows[i]; !of_a_route || is_of_a_route(row.wait))
      all.push_back({names[i], option_effect(row.option)});
  return all;
}

}  // namespace

std::span<const FileKey> keys_of(Level level) {
  static const std::array<std::vector<FileKey>, 6> all{
      keys_with_options(),
      keys_with_timeouts(kListenerKeys, false),
      keys_with_timeouts(kServerKeys, false),
      keys_with_timeouts(kRouteKeys, true),
      keys_with_timeouts(kStreamKeys, false),
      std::vector<FileKey>{kHealthKeys.begin(), kHealthKeys.end()},
  };
  return all[static_cast<std::size_t>(level)];
}

string levels_of(string_view key) {
  constexpr std::array<string_view, 6> kNames{"the top level", "listener", "server",
                                              "route",         "stream",   "health_check"};
  std::vector<string> found;
  bool has_article = false;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const std::span<const FileKey> keys = keys_of(static_cast<Level>(i));
    if (std::none_of(keys.begin(), keys.end(), [key](const FileKey& row) { return row.name == key; }))
      continue;
    const bool takes_article = i > 0 && i + 1 < kNames.size() && !has_article;
    has_article = has_article || takes_article;
    found.push_back((takes_article ? "a " : "") + string{kNames[i]});
  }
  string text;
  for (std::size_t i = 0; i < found.size(); ++i)
    text += (i == 0 ? "" : i + 1 == found.size() ? " or " : ", ") + found[i];
  return text;
}

}  // namespace config
