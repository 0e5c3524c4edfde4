#include "redirect.hpp"

#include "url_path.hpp"

namespace http {
namespace {

// The path as the client wrote it. Its first "/" is the only one, so that it cannot be read as "//host".
std::string path_of(std::string_view target) {
  constexpr std::string_view kInPath = "!$&'()*+,;=:@/%";
  std::string_view path = target.substr(0, target.find('?'));
  while (path.starts_with('/') || path.starts_with('\\')) path.remove_prefix(1);
  return '/' + percent_encoded(path, kInPath);
}

// The query, with the "?" or "&" before it that `url` needs. Without a query, removes such a character from
// the end of `url`.
std::string query_of(std::string_view target, std::string& url) {
  constexpr std::string_view kInQuery = "!$&'()*+,;=:@/?%";
  const bool begins = url.ends_with('?') || url.ends_with('&');
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) {
    if (begins) url.pop_back();
    return {};
  }
  const bool is_value = begins || url.ends_with('=');
  const std::string_view before = is_value ? "" : url.find('?') == std::string::npos ? "?" : "&";
  return std::string{before} + percent_encoded(target.substr(question + 1), kInQuery);
}

}  // namespace

std::string redirect_location(std::string_view pattern, std::string_view target) {
  constexpr std::string_view kPath = "{path}", kQuery = "{query}";
  std::string url;
  while (!pattern.empty()) {
    const bool path = pattern.starts_with(kPath), query = pattern.starts_with(kQuery);
    if (path) url += path_of(target);
    if (query) url += query_of(target, url);
    if (!path && !query) url += pattern.front();
    pattern.remove_prefix(path ? kPath.size() : query ? kQuery.size() : 1);
  }
  return url;
}

}  // namespace http
