#include "file.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "../base/text.hpp"
#include "../sys/sys.hpp"
#include "address_text.hpp"
#include "options.hpp"
#include "paths.hpp"
#include "routes.hpp"
#include "timeouts.hpp"
#include "value.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;
using Kind = JsonValue::Kind;

// The host names of a server count once for each of its listeners.
constexpr std::size_t kNamesMax = 100'000;

constexpr string_view kPlaces = R"(an array, as in [{"host": "127.0.0.1", "port": 8080}])";

constexpr std::array<FileKey, 2> kRuleKeys{{{"allow"}, {"deny"}}};

// The types of a stream, in the order of their names.
constexpr std::array<string_view, 4> kStreams{"proxy", "echo", "reverse", "file"};
constexpr std::array<plan::Role, 4> kStreamRoles{plan::Role::relay, plan::Role::echo,
                                                 plan::Role::reverse_lines, plan::Role::send_file};
constexpr std::array<Kinds, 4> kStreamKinds{kRelayBit, kEchoBit, kLinesBit, kSentFileBit};

string endpoint(const plan::Listener& listener) {
  return string{sys::endpoint_text(listener.address).view()};
}

// The route is not known before the head is complete: the longest timeout that a route has for it counts.
void add_timeouts(const plan::Site& site, plan::Timeouts& out) {
  out.insert(out.end(), site.timeouts.begin(), site.timeouts.end());
  for (const plan::WebRoute& route : site.routes) {
    const plan::Timeout* const head = plan::find(route.timeouts, plan::Wait::request_head);
    const plan::Timeout* const known = plan::find(out, plan::Wait::request_head);
    if (head != nullptr && (known == nullptr || known->ms < head->ms)) out.insert(out.begin(), *head);
  }
}

// ---- the reader ------------------------------------------------------------------------------------------

class FileReader {
 public:
  explicit FileReader(plan::Config& config) : config_(config) {}

  void read(const FileValue& root);
  [[nodiscard]] std::vector<GivenOption> options() && { return std::move(options_); }

 private:
  void read_option(string_view option, const FileValue& value);
  void apply(string_view option, string_view text, const FileValue& value);
  void read_name(const FileValue& value);
  void read_workers(const FileValue& value);
  void read_rules(const FileValue& value);
  std::vector<plan::Listener> read_places(const FileValue& value);
  std::vector<plan::Listener> read_place(const FileValue& value);
  void warn_unused_places();
  void read_forward(const FileValue& value);
  void read_server(const FileValue& value);
  std::vector<string> read_hostnames(const FileValue& value);
  // These return the kinds that the server has.
  Kinds read_site(const FileObject& server, const FileValue& value,
                  const std::vector<plan::Listener>& places);
  Kinds read_stream_server(const FileObject& server, const FileValue& stream, const FileValue& value,
                           const std::vector<plan::Listener>& places);
  // `kinds`: kHeaderBit if a listener of the stream expects a PROXY header.
  void read_stream(const FileValue& value, Kinds kinds, plan::Listener& model);
  void read_sent_file(const FileObject& stream, plan::Listener& model) const;
  void add(const plan::Listener& place, plan::Listener model, const FileValue& server);
  void add_site(const plan::Listener& place, std::size_t site, const FileValue& server);
  void warn_hidden(const plan::Listener& listener, std::size_t site, const FileValue& server);
  void warn_taken(const plan::Listener& listener, std::size_t site, string_view name,
                  const FileValue& server);
  [[nodiscard]] plan::Listener* at_same_place(const plan::Listener& place) noexcept;

  // What a listener of config_.listeners was read from, and the site that has each name at it ("": all).
  struct Origin {
    std::size_t line = 0;
    std::unordered_map<string_view, std::size_t> names{};
  };

  // An element of "listeners" or "forward".
  struct GivenPlace {
    FileObject object;
    std::size_t line;
    string endpoint;
    Kinds kinds = 0;  // of its server, and kHeaderBit if it expects a PROXY header
  };

  plan::Config& config_;
  std::vector<GivenOption> options_;                // that the file gives, and what depends on them
  std::vector<Origin> origins_;                     // of config_.listeners
  std::unordered_map<string, std::size_t> places_;  // the index of the listener at an endpoint
  std::vector<std::size_t> site_lines_;             // of config_.sites
  std::vector<GivenPlace> given_places_;
  std::size_t names_ = 0;  // of all listeners
};

// ---- options ---------------------------------------------------------------------------------------------

void FileReader::apply(string_view option, string_view text, const FileValue& value) {
  if (const string error = apply_option(config_, option, text); !error.empty()) value.error(error);
}

void FileReader::read_option(string_view option, const FileValue& value) {
  options_.push_back({option, value.place()});
  const OptionKind kind = *option_kind(option);
  if (kind == OptionKind::flag) {
    if (value.flag()) apply(option, value.raw(), value);
    return;
  }
  if (kind == OptionKind::rule)
    return value.error(R"(the order of rules matters: use "rules": [{"allow": "..."}, {"deny": "..."}])");
  const bool many = kind == OptionKind::list || kind == OptionKind::repeated;
  if (!many && value.kind() == Kind::array) return value.expected("one value");
  string all;
  for (const FileValue& element : value.one_or_more()) {
    if (element.kind() != Kind::number && !element.text("a text or a number")) return;
    if (kind != OptionKind::list)
      apply(option, element.raw(), element);
    else
      all += (all.empty() ? "" : ",") + string{element.raw()};
  }
  if (kind == OptionKind::list) apply(option, all, value);
}

void FileReader::read_name(const FileValue& value) {
  config_.server_name = value.raw();
  options_.push_back({"--name", value.place()});
  if (const auto name = value.text("a name, as in eXpServer")) apply("--name", *name, value);
}

// Two keys of a file have no order, so neither can override the other.
void check_exclusive(const FileObject& file) {
  constexpr std::array<std::pair<string_view, string_view>, 2> kPairs{
      {{"sandbox", "no_sandbox"}, {"console", "no_console"}}};
  for (const auto& [on, off] : kPairs) {
    const FileValue *const one = file.find(on), *const other = file.find(off);
    if (one != nullptr && other != nullptr && one->raw() != "false" && other->raw() == "true")
      other->error(string{on} + " and " + string{off} + " exclude each other: give one of them");
  }
}

// "name" and "via" are one setting, unless "via" is off.
void warn_same_name(const FileObject& file) {
  const FileValue *const name = file.find("name"), *const via = file.find("via");
  if (name == nullptr || via == nullptr || via->raw() == "off" || via->raw() == name->raw()) return;
  name->warn("no effect: via in line " + std::to_string(via->line()) + " is the same setting");
}

void FileReader::read_workers(const FileValue& value) {
  if (value.kind() != Kind::number) return value.expected("a number");
  if (value.raw() != "1" && value.raw() != "0") value.warn("no effect: one thread serves all connections");
}

void FileReader::read_rules(const FileValue& value) {
  options_.push_back({"--allow", value.place()});
  constexpr string_view kRule =
      R"(an object, as in {"allow": "10.0.0.0/8"} or {"deny": "host=.example.com"})";
  for (const FileValue& element : value.elements(R"(an array, as in [{"allow": "10.0.0.0/8"}])")) {
    const FileObject rule{element, kRule, kRuleKeys};
    const FileValue *const allow = rule.find("allow"), *const deny = rule.find("deny");
    if (element.kind() == Kind::object && (allow == nullptr) == (deny == nullptr)) {
      element.error("expected either allow or deny; use an object for each rule");
    } else if (const FileValue* const given = allow != nullptr ? allow : deny; given != nullptr) {
      if (const auto text = given->text("a rule, as in host=.example.com"))
        apply(allow != nullptr ? "--allow" : "--deny", *text, *given);
    }
  }
}

// ---- listeners ------------------------------------------------------------------------------------------

// "proxy_protocol_in" and "proxy_protocol_from" of a listener or a stream.
void read_proxy_header_keys(const FileObject& object, plan::Listener& model) {
  if (const FileValue* const in = object.find("proxy_protocol_in"))
    model.proxy_header_in = in->flag().value_or(false);
  if (const FileValue* const from = object.find("proxy_protocol_from")) {
    model.proxy_header_from.clear();
    read_networks(object, "proxy_protocol_from", model.proxy_header_from);
    if (!model.proxy_header_in) from->warn("no effect without \"proxy_protocol_in\": true");
  }
}

Kinds header_bit(const plan::Listener& listener) noexcept {
  return listener.proxy_header_in ? kHeaderBit : Kinds{0};
}

std::vector<plan::Listener> FileReader::read_place(const FileValue& value) {
  constexpr string_view kHosts = "a numeric address, localhost, or * for all of this machine";
  const FileObject place{value, R"(an object, as in {"host": "127.0.0.1", "port": 8080})",
                         keys_of(Level::listener)};
  const FileValue *const host = place.need("host", "\"127.0.0.1\""), *const port = place.need("port", "8080");
  if (host == nullptr || port == nullptr) return {};
  const auto name = host->text(kHosts);
  const auto number = port->number(0, 65535);
  if (!name || !number) return {};
  std::vector<plan::Listener> found = listeners_at(*name, static_cast<std::uint16_t>(*number));
  if (found.empty()) host->expected(kHosts);
  for (plan::Listener& listener : found) {
    read_timeouts(place, listener.timeouts);
    read_body_limit(place, listener.max_body);
  }
  if (found.empty()) return found;
  read_proxy_header_keys(place, found.front());
  for (plan::Listener& listener : found) {
    listener.proxy_header_in = found.front().proxy_header_in;
    listener.proxy_header_from = found.front().proxy_header_from;
  }
  given_places_.push_back({place, value.line(), endpoint(found.front()), header_bit(found.front())});
  return found;
}

std::vector<plan::Listener> FileReader::read_places(const FileValue& value) {
  std::vector<plan::Listener> all;
  const std::vector<FileValue> elements = value.elements(kPlaces);
  if (elements.empty() && value.kind() == Kind::array)
    value.error("got an empty array, expected " + string{kPlaces});
  for (const FileValue& element : elements) {
    const std::vector<plan::Listener> found = read_place(element);
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

// Once all servers are known: several can share a listener.
void FileReader::warn_unused_places() {
  constexpr std::array<string_view, 2> kWhere{"host", "port"};
  std::unordered_map<string_view, std::size_t> lines;  // of the first at each endpoint
  for (const GivenPlace& place : given_places_) {
    const auto shared = places_.find(place.endpoint);
    const bool is_free_port = place.endpoint.ends_with(":0") || shared == places_.end();
    const auto [first, is_new] = lines.try_emplace(place.endpoint, place.line);
    if (is_free_port)
      place.object.warn_unused(place.kinds);
    else if (is_new)
      place.object.warn_unused(kinds_of(config_, config_.listeners[shared->second]));
    else
      place.object.warn_each(kWhere, "no effect: the settings of listener " + place.endpoint +
                                         " are in line " + std::to_string(first->second));
  }
}

plan::Listener* FileReader::at_same_place(const plan::Listener& place) noexcept {
  const auto found = place.address.port == 0 ? places_.end() : places_.find(endpoint(place));
  return found == places_.end() ? nullptr : &config_.listeners[found->second];
}

void FileReader::add(const plan::Listener& place, plan::Listener model, const FileValue& server) {
  if (const plan::Listener* const taken = at_same_place(place)) {
    const auto index = static_cast<std::size_t>(taken - config_.listeners.data());
    return server.error("listener " + endpoint(place) + " is already used in line " +
                        std::to_string(origins_[index].line) + ": only web servers can share one");
  }
  model.address = place.address;
  model.optional = place.optional;
  model.max_body = place.max_body;
  if (place.proxy_header_in) {
    model.proxy_header_in = true;
    model.proxy_header_from = place.proxy_header_from;
  }
  model.timeouts.insert(model.timeouts.begin(), place.timeouts.begin(), place.timeouts.end());
  places_.emplace(endpoint(place), config_.listeners.size());
  config_.listeners.push_back(std::move(model));
  origins_.push_back({server.line()});
}

void FileReader::read_forward(const FileValue& value) {
  const std::size_t first = given_places_.size();
  for (const plan::Listener& place : read_places(value)) add(place, place, value);
  for (std::size_t i = first; i < given_places_.size(); ++i) given_places_[i].kinds |= kForwardBit;
}

// ---- servers ---------------------------------------------------------------------------------------------

void FileReader::read_server(const FileValue& value) {
  const FileObject server{value, R"(an object, as in {"listeners": [...], "routes": [...]})",
                          keys_of(Level::server)};
  const FileValue *const places = server.need("listeners", R"([{"host": "127.0.0.1", "port": 8080}])"),
                         *const stream = server.find("stream");
  const std::size_t first = given_places_.size();
  const std::vector<plan::Listener> found =
      places == nullptr ? std::vector<plan::Listener>{} : read_places(*places);
  if (stream != nullptr && server.find("routes") != nullptr) {
    for (std::size_t i = first; i < given_places_.size(); ++i) given_places_[i].kinds = kAllBits;
    return stream->error("expected either routes or stream, not both");
  }
  const Kinds kinds =
      stream == nullptr ? read_site(server, value, found) : read_stream_server(server, *stream, value, found);
  server.warn_unused(kinds);
  for (std::size_t i = first; i < given_places_.size(); ++i) given_places_[i].kinds |= kinds;
}

Kinds FileReader::read_stream_server(const FileObject& server, const FileValue& stream,
                                     const FileValue& value, const std::vector<plan::Listener>& places) {
  plan::Listener model;
  read_timeouts(server, model.timeouts);
  Kinds header = 0;
  for (const plan::Listener& place : places) header |= header_bit(place);
  read_stream(stream, header, model);
  for (const plan::Listener& place : places) add(place, model, value);
  return static_cast<Kinds>(kinds_of(config_, model) | header);
}

// Lower case, without port. Empty: all names.
std::vector<string> FileReader::read_hostnames(const FileValue& value) {
  std::vector<string> names;
  bool all = false;
  for (const FileValue& element : value.one_or_more()) {
    const auto text = element.text("a host name, as in example.com or .example.com");
    if (!text) continue;
    all = all || *text == "*";
    plan::Hop host;
    host.port = 1;  // any port
    const bool bare_ipv6 = std::count(text->begin(), text->end(), ':') > 1 && !text->starts_with('[');
    if (*text == "*") continue;
    string name{*text};
    if (bare_ipv6) name.insert(0, 1, '[').push_back(']');
    // ".example.com" is that name and all below it.
    if (!parse_host_port(name, host).empty() || name.starts_with("..") || name.starts_with(".:") ||
        name == ".") {
      element.expected("a host name, as in example.com or .example.com, or * for all");
      continue;
    }
    if (host.port != 1) element.warn("the port has no effect: host names match at all ports");
    names.push_back(base::lowered(base::without_final_dot(host.host)));
  }
  if (all) names.clear();
  return names;
}

Kinds FileReader::read_site(const FileObject& server, const FileValue& value,
                            const std::vector<plan::Listener>& places) {
  plan::Site site;
  if (const FileValue* const names = server.find("hostnames")) site.hostnames = read_hostnames(*names);
  if (const FileValue* const keep = server.find("keep_alive")) site.keep_alive = keep->flag().value_or(true);
  read_login(server, config_, site.users, site.realm);
  read_charset(server, site.charset);
  read_body_limit(server, site.max_body);
  read_request_timeout(server, site.timeouts);
  read_timeouts(server, site.timeouts);
  if (const FileValue* const routes = server.find("routes")) read_routes(*routes, config_, site, options_);
  note_login(server, site.routes, true, options_);
  const Kinds kinds = kinds_of(site);
  const std::size_t index = config_.sites.size();
  config_.sites.push_back(std::move(site));
  site_lines_.push_back(value.line());
  for (const plan::Listener& place : places) add_site(place, index, value);
  return kinds;
}

// The site without hostnames comes first: it is the default.
void FileReader::add_site(const plan::Listener& place, std::size_t site, const FileValue& server) {
  names_ += config_.sites[site].hostnames.size();
  if (names_ > kNamesMax)
    return server.error("too many host names: at most " + std::to_string(kNamesMax) + " at all listeners");
  plan::Listener* const shared = at_same_place(place);
  if (shared == nullptr) {
    plan::Listener model;
    model.role = plan::Role::web;
    model.sites = {site};
    add_timeouts(config_.sites[site], model.timeouts);
    add(place, std::move(model), server);
    return warn_hidden(config_.listeners.back(), site, server);
  }
  if (shared->role != plan::Role::web) return add(place, {}, server);  // reports the error
  shared->optional = shared->optional && place.optional;
  add_timeouts(config_.sites[site], shared->timeouts);
  std::vector<std::size_t>& sites = shared->sites;
  if (sites.back() == site || sites.front() == site)
    return server.warn("listener " + endpoint(place) + " is given twice");
  warn_hidden(*shared, site, server);
  const bool for_all = config_.sites[site].hostnames.empty();
  const bool first_is = config_.sites[sites.front()].hostnames.empty();
  sites.insert(for_all && !first_is ? sites.begin() : sites.end(), site);
}

// Warns about names that an earlier server at this listener already has.
void FileReader::warn_hidden(const plan::Listener& listener, std::size_t site, const FileValue& server) {
  const std::vector<string>& names = config_.sites[site].hostnames;
  if (names.empty()) warn_taken(listener, site, {}, server);
  for (const string& name : names) warn_taken(listener, site, name, server);
}

void FileReader::warn_taken(const plan::Listener& listener, std::size_t site, string_view name,
                            const FileValue& server) {
  Origin& origin = origins_[static_cast<std::size_t>(&listener - config_.listeners.data())];
  const auto [first, is_new] = origin.names.try_emplace(name, site);
  if (is_new || first->second == site) return;
  if (listener.optional) return;  // reported for the first of the pair
  const string where =
      " at " + endpoint(listener) + ": the server in line " + std::to_string(site_lines_[first->second]);
  if (name.empty()) return server.warn("never used" + where + " has no hostnames either");
  server.warn(string{"never used for "}.append(name).append(where).append(" has that name too"));
}

// ---- streams ---------------------------------------------------------------------------------------------

void warn_no_file(const FileValue& file, const string& path) {
  const sys::PathKind kind = sys::path_kind(path.c_str());
  if (!sys::is_file(kind))
    file.warn((kind == sys::PathKind::none ? "no such file: " : "not a file: ") +
              base::quoted(whole_path(path)));
}

void FileReader::read_sent_file(const FileObject& stream, plan::Listener& model) const {
  model.root = path_from(config_.folder, ".");
  if (const FileValue* const root = stream.find("root")) {
    if (const auto path = root->text("the path of a directory")) {
      model.root = path_from(config_.folder, *path);
      if (const string error = check_directory(model.root); !error.empty())
        root->error(error + " (paths are relative to the configuration file's folder)");
    }
  }
  if (const FileValue* const file = stream.need("file", "\"notes.txt\""))
    if (const auto path = file->text("the path of a file below root")) {
      model.file = *path;
      // It is opened beneath root (openat2(2)).
      if (path->starts_with('/') || path->starts_with("../") || *path == "..")
        file->expected("the path of a file below root");
      else
        warn_no_file(*file, model.root + '/' + string{*path});
    }
}

void FileReader::read_stream(const FileValue& value, Kinds kinds, plan::Listener& model) {
  const FileObject stream{value, R"(an object, as in {"type": "echo"})", keys_of(Level::stream)};
  const FileValue* const type = stream.need("type", "\"echo\"");
  read_proxy_header_keys(stream, model);
  if (const FileValue* const out = stream.find("proxy_protocol_out"))
    model.proxy_header_out = static_cast<std::uint8_t>(out->number(0, 2).value_or(0));
  read_timeouts(stream, model.timeouts);
  if (type == nullptr) return;
  const auto found = type->one_of(kStreams);
  if (!found) return;
  model.role = kStreamRoles[*found];
  stream.warn_unused(kStreamKinds[*found] | header_bit(model) | kinds, kStreams[*found]);
  if (model.role != plan::Role::relay) model.proxy_header_out = 0;
  if (model.role == plan::Role::send_file) read_sent_file(stream, model);
  if (model.role != plan::Role::relay) return;
  if (std::optional<plan::Group> group = read_group(stream)) {
    model.group = config_.groups.size();
    config_.groups.push_back(std::move(*group));
  }
}

// ---- the file ---------------------------------------------------------------------------------------------

void FileReader::read(const FileValue& root) {
  const FileObject file{root, R"(an object, as in {"servers": [...]})", keys_of(Level::file)};
  if (const FileValue* const name = file.find("server_name")) read_name(*name);
  if (const FileValue* const servers = file.find("servers"))
    for (const FileValue& server : servers->elements("an array of servers")) read_server(server);
  if (const FileValue* const forward = file.find("forward")) read_forward(*forward);
  warn_unused_places();
  check_exclusive(file);
  warn_same_name(file);
  if (const FileValue* const workers = file.find("workers")) read_workers(*workers);
  if (const FileValue* const rules = file.find("rules")) read_rules(*rules);
  for (const string_view option : option_names())
    if (const FileValue* const value = file.find(file_key(option));
        value != nullptr && option_kind(option) != OptionKind::special)
      read_option(option, *value);
}

}  // namespace

Findings read_config(string_view name, string_view text, plan::Config& config) {
  JsonValue json;
  if (const JsonError error = parse_json(text, json); !error.what.empty())
    return {{string{name} + ":" + std::to_string(error.line) + ":" + std::to_string(error.column) + ": " +
             error.what},
            {}};
  Report report{name};
  config.folder = folder_of(name);
  FileReader reader{config};
  reader.read(FileValue{json, "", report});
  config.folder.clear();
  Findings found = report.findings();
  found.options = std::move(reader).options();
  return found;
}

}  // namespace config
