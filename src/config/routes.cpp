#include "routes.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "../base/text.hpp"
#include "../http/basic_auth.hpp"
#include "../http/url_path.hpp"
#include "../plan/balancer.hpp"
#include "address_text.hpp"
#include "number_text.hpp"
#include "options.hpp"
#include "paths.hpp"
#include "timeouts.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;

constexpr std::array<std::uint16_t, 5> kRedirects{301, 302, 303, 307, 308};  // RFC 9110 section 15.4

// In the order of RouteKind and of Balance.
constexpr std::array<string_view, 7> kKinds{"file_serve", "redirect", "reverse_proxy", "metrics",
                                            "health",     "ready",    "doctor"};
constexpr std::array<string_view, 3> kBalances{"round_robin", "least_conn", "ip_hash"};

// Comparisons between the two lists of a route's clients: a warning about long lists is not worth the time.
constexpr std::size_t kComparisonsMax = 4096;

using Prefixes = std::unordered_set<string>;  // of a site's routes

bool is_path(string_view text) noexcept {
  return text.front() == '/' && text.find_first_of("?# ") == string_view::npos;
}

void read_clients(const FileObject& object, plan::WebRoute& route) {
  read_networks(object, "ip_whitelist", route.allow);
  read_networks(object, "ip_blacklist", route.deny);
  if (route.allow.size() * route.deny.size() > kComparisonsMax) return;
  const auto is_denied = [&route](const plan::Network& allowed) {
    return std::any_of(route.deny.begin(), route.deny.end(),
                       [&allowed](const plan::Network& denied) { return denied.has(allowed); });
  };
  if (!route.allow.empty() && std::all_of(route.allow.begin(), route.allow.end(), is_denied))
    object.find("ip_blacklist")->warn("covers the whole ip_whitelist: no client can use this route");
}

void read_gzip(const FileObject& object, plan::WebRoute& route, std::vector<GivenOption>& given) {
  if (const FileValue* const on = object.find("gzip_enable")) route.gzip = on->flag().value_or(false);
  if (const FileValue* const level = object.find("gzip_level")) {
    if (!route.compresses()) given.push_back({kGzipDetail, level->place()});
    if (level->raw() != "-1")  // the library's default, in eXpServer
      route.gzip_level = static_cast<int>(level->number(-1, 9).value_or(route.gzip_level));
  }
  const FileValue* const types = object.find("gzip_mime_types");
  if (types == nullptr) return;
  if (!route.compresses()) given.push_back({kGzipDetail, types->place()});
  for (const FileValue& element :
       types->elements(R"(an array of media types, as in ["text/html", "text/*"])")) {
    const auto type = element.text("a media type, as in text/html or text/*");
    if (type && type->find('/') == string_view::npos && *type != "*")
      element.expected("a media type, as in text/html or text/*");
    else if (type)
      route.gzip_types.emplace_back(*type);
  }
}

void read_files(const FileObject& object, string_view folder, plan::WebRoute& route,
                std::vector<GivenOption>& given) {
  if (const FileValue* const directory = object.need("dir_path", "\"public\"")) {
    if (const auto path = directory->text("the path of a directory")) {
      route.directory = path_from(folder, *path);
      if (const string error = check_directory(route.directory); !error.empty())
        directory->error(error + " (paths are relative to the configuration file's folder)");
    }
  }
  if (const FileValue* const index = object.find("index")) {
    route.index.clear();
    for (const FileValue& element : index->one_or_more()) {
      const auto name = element.text("a file name, as in index.html");
      if (name && name->find('/') != string_view::npos)
        element.expected("a file name without /, as in index.html");
      else if (name)
        route.index.emplace_back(*name);
    }
  }
  if (const FileValue* const listing = object.find("listing")) route.listing = listing->flag().value_or(true);
  if (const FileValue* const dotfiles = object.find("dotfiles"))
    route.dotfiles = dotfiles->flag().value_or(false);
  read_charset(object, route.charset);
  read_gzip(object, route, given);
}

void read_redirect(const FileObject& object, plan::WebRoute& route) {
  if (const FileValue* const status = object.find("http_status_code")) {
    const auto found = std::find_if(kRedirects.begin(), kRedirects.end(), [status](std::uint16_t code) {
      return status->kind() == JsonValue::Kind::number && status->raw() == std::to_string(code);
    });
    if (found == kRedirects.end())
      status->expected("301, 302, 303, 307 or 308");
    else
      route.status = *found;
  }
  if (const FileValue* const url = object.need("redirect_url", R"("http://example.com/")")) {
    const auto location = url->text("a URL, as in http://example.com/ or /new");
    if (location && !is_location(*location))
      url->expected("a URL of visible ASCII characters (write %20 for a blank, %C3%A9 for \u00e9)");
    else if (location)
      route.location = *location;
    if (location && has_variable(*location)) url->warn(kVariablesAreKept);
  }
}

void read_health(const FileValue& value, plan::Group& group) {
  const FileObject health{value, R"(an object, as in {"path": "/health", "interval_ms": 5000})",
                          keys_of(Level::health_check)};
  if (const FileValue* const path = health.need("path", "\"/health\"")) {
    const auto text = path->text("a path, as in /health");
    if (text && !(is_path(*text) && base::all_are(*text, base::kVisible)))
      path->expected("a path, as in /health");
    else if (text)
      group.check_path = *text;
  }
  if (const FileValue* const ms = health.find("interval_ms"))
    group.check_ms = static_cast<std::uint32_t>(ms->number(100, kMsMax).value_or(group.check_ms));
}

constexpr std::size_t kAddedBytesMax = 4096;

// Consists of visible ASCII characters and blanks.
bool is_printed(string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == ' ' || base::is(c, base::kVisible); });
}

// Reports an error if the field cannot be edited.
bool may_edit(const FileValue& value, string_view name) {
  if (name.empty() || !base::all_are(name, base::kToken)) {
    value.error("invalid field name " + base::quoted(name));
    return false;
  }
  if (http::is_own_field(name)) value.error("the proxy writes " + string{name} + " itself");
  return !http::is_own_field(name);
}

// {"NAME": "VALUE"} of `add`, ["NAME"] of `remove`.
void read_edits(const FileObject& object, string_view add, string_view remove, http::FieldEdits& out) {
  std::size_t bytes = 0;
  if (const FileValue* const added = object.find(add))
    for (const FileValue& member : added->members(R"(an object, as in {"Cache-Control": "no-store"})")) {
      const auto text = member.text("the value of the field");
      if (!text || !may_edit(member, member.key())) continue;
      bytes += member.key().size() + text->size() + 4;
      if (!is_printed(*text) || bytes > kAddedBytesMax)
        member.expected("visible ASCII characters, at most " + std::to_string(kAddedBytesMax) + " in all");
      else
        out.add.push_back({string{member.key()}, string{*text}});
    }
  if (const FileValue* const removed = object.find(remove))
    for (const FileValue& element : removed->elements(R"(an array of field names, as in ["Server"])")) {
      const auto name = element.text("a field name, as in Server");
      if (name && may_edit(element, *name)) out.remove.emplace_back(*name);
    }
}

// Fields that the proxy writes into responses of this type: a second line would contradict it (RFC 9110
// section 5.3). Server and Content-Encoding depend on the configuration.
std::span<const string_view> written_fields(plan::RouteKind kind) noexcept {
  static constexpr std::array<string_view, 1> kOfRedirects{"Location"};
  static constexpr std::array<string_view, 6> kOfFiles{"Content-Type", "Content-Range", "Accept-Ranges",
                                                       "ETag",         "Last-Modified", "Location"};
  static constexpr std::array<string_view, 2> kOfPages{"Content-Type", "Cache-Control"};
  switch (kind) {
    case plan::RouteKind::reverse: return {};
    case plan::RouteKind::redirect: return kOfRedirects;
    case plan::RouteKind::files: return kOfFiles;
    default: return kOfPages;
  }
}

bool writes(const plan::Config& config, const plan::WebRoute& route, string_view name) noexcept {
  const auto is = [name](string_view other) { return base::equals_ignoring_case(name, other); };
  if (is("Server")) return !config.server_name.empty() && route.kind != plan::RouteKind::reverse;
  if (is("Content-Encoding")) return route.kind == plan::RouteKind::files && route.compresses();
  const auto written = written_fields(route.kind);
  return std::any_of(written.begin(), written.end(), is);
}

// REQUIRES: the members that this type of route has are read.
void check_added(const FileObject& object, const plan::Config& config, const plan::WebRoute& route,
                 string_view type) {
  const FileValue* const added = object.find("add_response_fields");
  if (added == nullptr || added->kind() != JsonValue::Kind::object) return;
  for (const FileValue& member : added->members("an object"))
    if (member.kind() == JsonValue::Kind::text && writes(config, route, member.key()))
      member.error("the proxy writes " + string{member.key()} + " itself in responses of type " +
                   string{type});
}

// Characters of a path that requests do not escape, besides the unreserved ones (RFC 3986 section 3.3).
constexpr string_view kUnescaped = "/!$&'()*+,;=:@";

void read_reverse(const FileObject& object, plan::Config& config, plan::WebRoute& route) {
  if (const FileValue* const strip = object.find("strip_prefix")) {
    route.strip_prefix = strip->flag().value_or(false);
    if (route.strip_prefix && route.prefix == "/") strip->warn("no effect with req_path /");
    if (route.strip_prefix && http::percent_encoded(route.prefix, kUnescaped) != route.prefix)
      strip->error("impossible with this req_path: requests escape its characters in different ways");
  }
  read_body_limit(object, route.max_body);
  read_edits(object, "add_request_fields", "remove_request_fields", route.request_fields);
  std::optional<plan::Group> group = read_group(object);
  if (const FileValue* const health = object.find("health_check")) {
    plan::Group unused;
    read_health(*health, group ? *group : unused);
  }
  if (!group) return;
  route.group = config.groups.size();
  config.groups.push_back(std::move(*group));
}

// The index of that file in Config::users_files. Reports an error if there are too many.
std::uint8_t users_file(plan::Config& config, string_view path, const FileValue& value) {
  constexpr std::size_t kFilesMax = 64;
  std::vector<string>& files = config.users_files;
  const auto found = std::find(files.begin() + 1, files.end(), path);
  const auto index = static_cast<std::uint8_t>(found - files.begin());
  if (found != files.end()) return index;
  if (files.size() > kFilesMax)
    value.error("too many password files: at most " + std::to_string(kFilesMax));
  else
    files.emplace_back(path);
  return index;
}

void read_path(const FileObject& object, Prefixes& taken, plan::WebRoute& route) {
  const FileValue* const path = object.need("req_path", "\"/\"");
  if (path == nullptr) return;
  const auto prefix = path->text("a path, as in /images");
  if (!prefix) return;
  if (!is_path(*prefix))
    return path->expected("a path that begins with / and has no ?, # or blank, as in /images");
  // Routes are compared with the normal form of a request's path.
  const std::optional<string> normal = http::normal_path(*prefix);
  if (!normal) return path->expected("a path with valid escapes that stays below /, as in /images");
  route.prefix = *normal;
  if (!taken.insert(route.prefix).second) path->warn("never used: an earlier route has the same req_path");
}

void read_route(const FileValue& value, plan::Config& config, plan::Site& site, Prefixes& taken,
                std::vector<GivenOption>& given) {
  plan::WebRoute route;
  route.keep_alive = site.keep_alive;
  route.users = site.users;
  route.realm = site.realm;
  route.charset = site.charset;
  route.timeouts = site.timeouts;
  route.max_body = site.max_body;
  const FileObject object{value, R"(an object, as in {"req_path": "/", "type": "file_serve", ...})",
                          keys_of(Level::route)};
  read_path(object, taken, route);
  read_clients(object, route);
  if (const FileValue* const keep = object.find("keep_alive"))
    route.keep_alive = keep->flag().value_or(route.keep_alive);
  read_login(object, config, route.users, route.realm);
  read_request_timeout(object, route.timeouts);
  read_timeouts(object, route.timeouts);
  read_edits(object, "add_response_fields", "remove_response_fields", route.response_fields);
  const FileValue* const type = object.need("type", "\"file_serve\"");
  const auto kind = type == nullptr ? std::nullopt : type->one_of(kKinds);
  if (kind) {
    route.kind = static_cast<plan::RouteKind>(*kind);
    object.warn_unused(bit_of(route.kind), kKinds[*kind]);
    if (route.kind == plan::RouteKind::files) read_files(object, config.folder, route, given);
    if (route.kind == plan::RouteKind::redirect) read_redirect(object, route);
    if (route.kind == plan::RouteKind::reverse) read_reverse(object, config, route);
    check_added(object, config, route, kKinds[*kind]);
  }
  note_login(object, {&route, 1}, site.users == 0, given);
  site.routes.push_back(std::move(route));
}

}  // namespace

void read_login(const FileObject& object, plan::Config& config, std::uint8_t& users, string& realm) {
  if (const FileValue* const file = object.find("users")) {
    if (const auto path = file->text("a file that htpasswd has written, or none"))
      users = *path == "none" ? plan::kNoUsers : users_file(config, path_from(config.folder, *path), *file);
  }
  const FileValue* const name = object.find("realm");
  if (name == nullptr) return;
  const auto text = name->text("a name that is shown with the question for the password");
  if (text && (text->size() > http::kRealmBytesMax || text->find_first_of("\"\\") != string_view::npos ||
               !is_printed(*text)))
    name->expected("at most 64 ASCII characters, without quotes and backslashes");
  else if (text)
    realm = *text;
}

void note_login(const FileObject& object, std::span<const plan::WebRoute> routes, bool by_option,
                std::vector<GivenOption>& given) {
  const FileValue *const users = object.find("users"), *const realm = object.find("realm");
  if (users != nullptr && users->raw() == "none" && by_option) given.push_back({kNoLogin, users->place()});
  if (realm == nullptr || routes.empty()) return;
  const auto has = [routes](auto test) { return std::any_of(routes.begin(), routes.end(), test); };
  if (has([](const plan::WebRoute& route) { return route.users != 0 && route.users != plan::kNoUsers; }))
    return;
  if (has([](const plan::WebRoute& route) { return route.users == 0; }))
    given.push_back({kRealm, realm->place()});
  else
    realm->warn("no effect without users");
}

void read_request_timeout(const FileObject& object, plan::Timeouts& out) {
  const FileValue* const value = object.find("request_timeout_ms");
  if (value == nullptr) return;
  const auto ms = static_cast<std::uint32_t>(value->number(1, kMsMax).value_or(0));
  if (ms == 0) return;
  constexpr std::array kWaits{plan::Wait::request_head, plan::Wait::request_body, plan::Wait::response_head};
  for (const plan::Wait wait : kWaits) out.insert(out.begin(), {wait, ms, true});
}

void read_body_limit(const FileObject& object, plan::BodyLimit& out) {
  const FileValue* const value = object.find("max_body");
  if (value == nullptr) return;
  if (value->kind() != JsonValue::Kind::number && !value->text("a size, as in 1000 or \"10m\"")) return;
  const string error = parse_body_limit(value->raw(), out.emplace());
  if (!error.empty()) value->error(error);
}

void read_charset(const FileObject& object, string& out) {
  const FileValue* const charset = object.find("charset");
  if (charset == nullptr) return;
  const auto name = charset->text("a charset, as in utf-8");
  if (name && !is_charset(*name))
    charset->expected("a charset, as in utf-8");
  else if (name)
    out = *name;
}

void read_networks(const FileObject& object, string_view key, plan::Networks& out) {
  const FileValue* const list = object.find(key);
  if (list == nullptr) return;
  for (const FileValue& element : list->elements(R"(an array of networks, as in ["10.0.0.0/8", "::1"])")) {
    plan::Network network;
    const auto text = element.text("a network or an address, as in 10.0.0.0/8 or ::1");
    const string error = text ? parse_network(*text, network) : string{};
    if (!error.empty()) element.error(error);
    if (text && error.empty()) out.push_back(network);
  }
}

std::optional<plan::Group> read_group(const FileObject& object) {
  const FileValue* servers = object.find("upstream");
  const FileValue* const many = object.find("upstreams");
  if (servers != nullptr && many != nullptr) many->warn("no effect beside upstream");
  if (servers == nullptr) servers = object.need("upstreams", R"(["localhost:3000"])");
  if (servers == nullptr) return std::nullopt;
  plan::Group group;
  bool good = true;
  for (const FileValue& element : servers->one_or_more()) {
    plan::Hop hop;
    const auto text = element.text("a server, as in localhost:3000 or unix:/run/app.sock");
    const string error = text ? parse_hop(*text, hop) : string{};
    if (!error.empty()) element.error(error);
    good = good && text && error.empty();
    group.members.push_back(std::move(hop));
  }
  if (group.members.empty() || group.members.size() > plan::kMembersMax) {
    servers->expected(R"(1 to 64 servers, as in ["localhost:3000"])");
    good = false;
  }
  if (const FileValue* const balance = object.find("load_balancing")) {
    const auto found = balance->one_of(kBalances);
    if (found) group.balance = static_cast<plan::Balance>(*found);
    if (found && group.members.size() == 1) balance->warn("no effect with a single server");
  }
  if (!good) return std::nullopt;
  return group;
}

void read_routes(const FileValue& routes, plan::Config& config, plan::Site& site,
                 std::vector<GivenOption>& given) {
  Prefixes taken;
  for (const FileValue& route : routes.elements("an array of routes"))
    read_route(route, config, site, taken, given);
}

}  // namespace config
