#include "rewrite.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "../base/text.hpp"
#include "date.hpp"
#include "forwarded.hpp"
#include "server_timing.hpp"

namespace http {
namespace {

using base::equals_ignoring_case;
using base::Writer;
using std::string_view;

constexpr std::size_t kConnectionOptionsMax = 32;

// Fields for one connection only, or written by the proxy itself (RFC 9110 section 7.6.1). Trailer is among
// them because trailers are dropped.
// PLANT(hop-by-hop-fields)
constexpr FieldNames kHopByHop{FieldName::connection,
                               FieldName::proxy_connection,
                               FieldName::keep_alive,
                               FieldName::te,
                               FieldName::transfer_encoding,
                               FieldName::upgrade,
                               FieldName::http2_settings,
                               FieldName::trailer,
                               FieldName::host,
                               FieldName::proxy_authorization,
                               FieldName::proxy_authenticate,
                               FieldName::proxy_authentication_info};

// Fields that the proxy promises: the sender's Connection cannot remove them.
constexpr FieldNames kPromised{FieldName::via,
                               FieldName::x_request_id,
                               FieldName::forwarded,
                               FieldName::x_forwarded_for,
                               FieldName::x_forwarded_host,
                               FieldName::x_forwarded_proto,
                               FieldName::x_real_ip};

// Fields that a server must not get from a client in the spelling of CGI: framing, and what the proxy sets.
constexpr FieldNames kNotInCgi{
    FieldName::content_length,      FieldName::transfer_encoding,  FieldName::proxy_connection,
    FieldName::keep_alive,          FieldName::http2_settings,     FieldName::max_forwards,
    FieldName::proxy_authorization, FieldName::proxy_authenticate, FieldName::proxy_authentication_info,
    FieldName::x_real_ip,           FieldName::x_request_id};

// The fields that the sender's Connection names.
class ConnectionOptions {
 public:
  explicit ConnectionOptions(const Fields& fields) noexcept {
    for (const Field& field : fields.all()) {
      if (field.id != FieldName::connection) continue;
      for (string_view rest = field.value; !rest.empty();) add(base::next_element(rest));
    }
  }
  [[nodiscard]] bool too_many() const noexcept { return count_ > kConnectionOptionsMax; }
  [[nodiscard]] bool names(FieldName id) const noexcept { return known_.has(id); }
  [[nodiscard]] bool names(const Field& field) const noexcept {
    if (field.id != FieldName::other) return names(field.id);
    return std::any_of(others_.begin(), others_.begin() + other_count_,
                       [&field](string_view option) { return equals_ignoring_case(option, field.name); });
  }

 private:
  void add(string_view option) noexcept {
    if (++count_ > kConnectionOptionsMax) return;
    const FieldName id = field_name(option);
    if (kPromised.has(id)) return;
    if (id != FieldName::other)
      known_.add(id);
    else
      others_[static_cast<std::size_t>(other_count_++)] = option;
  }
  FieldNames known_;
  std::array<string_view, kConnectionOptionsMax> others_;
  std::ptrdiff_t other_count_ = 0;
  std::size_t count_ = 0;
};

Writer& put_field(Writer& out, string_view name, string_view value) noexcept {
  return out << name << ": " << value << "\r\n";  // PLANT(write-field)
}

// Writes a field by which the client logs in to the next proxy. Returns false if the field is not one, or not
// for the next hop.
bool put_login(Writer& out, const Field& field, const Form& form) noexcept {
  constexpr FieldNames kLogin{FieldName::proxy_authorization, FieldName::proxy_authenticate,
                              FieldName::proxy_authentication_info};
  if (!form.proxy_login || !kLogin.has(field.id)) return false;
  put_field(out, field.name, field.value);
  return true;
}

// Writes an end-to-end field. Content-Length is written from its parsed number, once, even if Connection
// names it: the sender must not hide the body's framing. Without `length` it is removed.
void put_end_to_end(Writer& out, const Field& field, const ConnectionOptions& options,
                    std::optional<std::uint64_t>& length) noexcept {
  // PLANT(end-to-end-fields)
  if (field.id == FieldName::content_length) {
    if (const auto number = std::exchange(length, std::nullopt))
      out << field.name << ": " << *number << "\r\n";
  } else if (!kHopByHop.has(field.id) && !options.names(field)) {
    put_field(out, field.name, field.value);
  }
}

string_view text_of(Version version) noexcept { return version == Version::http10 ? "1.0" : "1.1"; }

// The hop-by-hop fields and the end of the head. `received`: the version of the received message.
void put_hop(Writer& out, Version received, const ProxyFields& hop, const Form& form,
             const Fields& fields) noexcept {
  if (form.chunked) put_field(out, "Transfer-Encoding", "chunked");
  if (form.via) out << "Via: " << text_of(received) << ' ' << hop.via << "\r\n";
  const bool upgrade = form.upgrade != UpgradeLine::none;
  put_upgrade(out, fields, form.protocols, form.upgrade);
  if (upgrade)
    out << "Connection: Upgrade" << (form.close ? ", close\r\n\r\n" : "\r\n\r\n");
  else
    out << connection_line(form.version, form.close) << "\r\n";
}

void put_status_line(Writer& out, const ResponseHead& head, Version version) noexcept {
  out << "HTTP/" << text_of(version) << ' ';
  out.padded(head.status, 3) << ' ' << head.phrase << "\r\n";
}

// As in Host: the default port is left out, IPv6 is in brackets.
void put_authority(Writer& out, const Authority& authority) noexcept {
  base::put_host(out, authority.host);
  if (authority.port != kHttpPort) out << ':' << std::uint64_t{authority.port};
}

// Bytes above 0x7f are percent-encoded.
void put_path(Writer& out, string_view path) noexcept {
  constexpr string_view kDigits = "0123456789ABCDEF";
  const auto high = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  while (!path.empty()) {
    const auto plain = static_cast<std::size_t>(std::find_if(path.begin(), path.end(), high) - path.begin());
    out << path.substr(0, plain);
    path.remove_prefix(plain);
    if (path.empty()) return;
    const auto byte = static_cast<unsigned char>(path.front());
    out << '%' << kDigits[byte >> 4U] << kDigits[byte & 0xfU];
    path.remove_prefix(1);
  }
}

// OPTIONS without a path is for the whole server: the last proxy writes "*" (RFC 9112 section 3.2.4).
void put_target(Writer& out, const RequestHead& head, const Form& form) noexcept {
  if (form.absolute) {
    out << "http://";
    put_authority(out, head.authority);
  }
  const string_view path = head.path.substr(std::min(form.skip, head.path.size()));
  if (head.path.empty() && head.method == "OPTIONS")
    out << (form.absolute ? "" : "*");
  else
    put_path(out << (path.empty() || path.front() != '/' ? "/" : ""), path);
}

// ---- forwarding headers for an upstream server -----------------------------------------------------------

// Lists to which each proxy appends an element; this proxy's goes to the end of the last field of that name.
struct List {
  FieldName id;
  string_view name;
  void (*put)(Writer& out, const RequestHead& head, const Form& form) noexcept;
};
constexpr std::array<List, 2> kLists{{{FieldName::x_forwarded_for, "X-Forwarded-For", put_forwarded_for},
                                      {FieldName::forwarded, "Forwarded", put_forwarded}}};

// What happens to the forwarding headers that the request has.
class Received {
 public:
  Received(const Fields& fields, const Form& form) noexcept : trusted_(form.trusted) {
    if (!trusted_) return;
    forwarded_ = std::all_of(fields.all().begin(), fields.all().end(), [](const Field& field) {
      return field.id != FieldName::forwarded || is_forwarded(field.value);
    });
    for (const Field& field : fields.all())
      for (std::size_t i = 0; i < kLists.size(); ++i)
        if (field.id == kLists[i].id && keeps(field)) lasts_[i] = &field;
  }

  // The field is forwarded, perhaps extended. Fields that are no forwarding headers are.
  [[nodiscard]] bool keeps(const Field& field) const noexcept {
    if (field.id == FieldName::forwarded) return trusted_ && forwarded_;
    if (field.id == FieldName::x_real_ip) return trusted_;
    const FieldName in_cgi = field.id == FieldName::other ? field_name_in_cgi(field.name) : FieldName::other;
    if (kNotInCgi.has(in_cgi)) return false;
    // PLANT(forwarded-fields-dropped)
    return !is_x_forwarded(field.name) || (trusted_ && is_plain(field.name));
  }
  // The list that this field is the last of; null: none.
  [[nodiscard]] const List* list_of(const Field& field) const noexcept {
    const auto* const last = std::find(lasts_.begin(), lasts_.end(), &field);
    return last == lasts_.end() ? nullptr : &kLists[static_cast<std::size_t>(last - lasts_.begin())];
  }
  [[nodiscard]] bool extends(std::size_t list) const noexcept { return lasts_[list] != nullptr; }

 private:
  // Only "-" joins its words.
  static bool is_plain(string_view name) noexcept {
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return base::is(c, base::kHostName) && c != '.' && c != '_'; });
  }

  bool trusted_;
  bool forwarded_ = false;                           // Forwarded can be extended
  std::array<const Field*, kLists.size()> lasts_{};  // the last field of each list; null: there is none
};

void put_list(Writer& out, string_view name, string_view before, const RequestHead& head, const Form& form,
              const List& list) noexcept {
  out << name << ": " << before << (before.empty() ? "" : ", ");
  list.put(out, head, form);
  out << "\r\n";
}

// Drops or extends a forwarding header. Returns false if the field is to be written as others are.
bool put_known(Writer& out, const Field& field, const Received& received, const RequestHead& head,
               const Form& form) noexcept {
  if (!received.keeps(field)) return true;
  const List* const list = received.list_of(field);
  if (list == nullptr) return false;
  put_list(out, field.name, field.value, head, form, *list);
  return true;
}

// The forwarding headers that the request does not have, or that do not count.
void put_new(Writer& out, const Received& received, const RequestHead& head, const Form& form) noexcept {
  for (std::size_t i = 0; i < kLists.size(); ++i)
    if (!received.extends(i)) put_list(out, kLists[i].name, {}, head, form, kLists[i]);
  const auto kept = [&head, &form](FieldName id) { return form.trusted && head.fields.find(id) != nullptr; };
  if (!kept(FieldName::x_real_ip)) {
    put_forwarded_for(out << "X-Real-IP: ", head, form);
    out << "\r\n";
  }
  if (!kept(FieldName::x_forwarded_proto)) put_field(out, "X-Forwarded-Proto", form.scheme);
  const RequestedHost host = requested_host(head);
  if (!host.known() || host.host.host.find(',') != string_view::npos || kept(FieldName::x_forwarded_host))
    return;
  out << "X-Forwarded-Host: ";
  put_requested_host(out, host);
  out << "\r\n";
}

// ---- a request's fields ----------------------------------------------------------------------------------

void put_host(Writer& out, const RequestHead& head, const Form& form) noexcept {
  out << "Host: ";
  const Field* const received = head.fields.find(FieldName::host);
  if (head.form == TargetForm::absolute)
    put_authority(out, head.authority);
  else
    out << (received == nullptr ? form.host : received->value);
  out << "\r\n";
}

// Decrements each Max-Forwards by itself, so that none grows. Returns false if the field is not one.
bool put_forwards_left(Writer& out, const Field& field) noexcept {
  std::uint32_t left = 0;
  if (field.id != FieldName::max_forwards || !base::parse_decimal(field.value, left)) return false;
  out << field.name << ": " << std::uint64_t{std::max(left, 1U) - 1} << "\r\n";
  return true;
}

void put_added(Writer& out, const Form& form) noexcept {
  if (form.edits == nullptr) return;
  for (const FieldEdits::Added& field : form.edits->add) put_field(out, field.name, field.value);
}

void put_fields(Writer& out, const RequestHead& head, const ConnectionOptions& options,
                const Form& form) noexcept {
  const Received received{head.fields, form};
  std::optional<std::uint64_t> length = head.length;
  for (const Field& field : head.fields.all()) {
    if (head.forwards_left >= 0 && put_forwards_left(out, field)) continue;
    if (form.edits != nullptr && form.edits->removes(field.name)) continue;
    if (put_login(out, field, form)) continue;
    if (form.reverse && put_known(out, field, received, head, form)) continue;
    put_end_to_end(out, field, options, length);
  }
  if (form.reverse) put_new(out, received, head, form);
  put_added(out, form);
}

// A server's control characters become blanks (RFC 9110 section 5.5).
void blank_controls(std::span<char> head) noexcept {
  for (char& c : head)
    if (base::is_control(c) && c != '\t' && c != '\r' && c != '\n') c = ' ';
}

std::size_t finished(const Writer& out, const ConnectionOptions& options) noexcept {
  return out.overflowed() || options.too_many() ? 0 : out.length();
}

// ---- kRewriteGrowthMax -----------------------------------------------------------------------------------

constexpr std::size_t length_of(std::initializer_list<string_view> texts, std::size_t more) {
  for (const string_view text : texts) more += text.size();
  return more;
}
// A blank in each field. Upgrade and Transfer-Encoding are written only if they were received.
constexpr std::size_t kInAll =
    kFieldsMax +
    length_of({"Via: 1.1 \r\n", "Connection: close\r\n", "X-Request-Id: \r\n"}, 64 + kRequestIdMax);
constexpr std::size_t kToProxy =
    length_of({"Host: \r\n", "/", "Proxy-Authorization: Basic \r\n"}, kHostTextMax + kCredentialsBytesMax);
// Without a received Host, form.host appears in Host only. A Host made from the target is two bytes longer
// than what the target loses. 39: the longest IPv6 address without an IPv4 one in it.
constexpr std::size_t kToServer =
    length_of({"//", "X-Forwarded-For: \r\n", "X-Real-IP: \r\n", "X-Forwarded-Proto: https\r\n",
               "X-Forwarded-Host: \r\n", R"(Forwarded: for="[]";host="";proto=https)", "\r\n"},
              3 * std::size_t{39} + 2 * kHostTextMax);
constexpr std::size_t kToClient =
    length_of({"Date: \r\n", "Server: \r\n", "Transfer-Encoding: chunked\r\n", " ", "keep-alive"},
              kDateBytes + 64 + kServerTimingMax);
static_assert(kInAll + std::max({kToProxy, kToServer, kToClient}) <= kRewriteGrowthMax);

}  // namespace

bool FieldEdits::removes(string_view name) const noexcept {
  return std::any_of(remove.begin(), remove.end(),
                     [name](const std::string& removed) { return equals_ignoring_case(removed, name); });
}

string_view connection_line(Version version, bool close) noexcept {
  if (close) return "Connection: close\r\n";
  return version == Version::http10 ? "Connection: keep-alive\r\n" : "";
}

bool is_own_field(string_view name) noexcept {
  constexpr FieldNames kFraming{FieldName::content_length, FieldName::host, FieldName::date};
  const FieldName id = field_name(name);
  return kFraming.has(id) || kHopByHop.has(id) || (id != FieldName::other && kPromised.has(id));
}

Form request_form(const RequestHead& head, Version version, const Protocols* protocols) noexcept {
  const bool http11 = version == Version::http11;
  return {.version = version,
          .chunked = http11 && head.body.kind == Body::Kind::chunked,
          .close = !http11,
          .upgrade = http11 && head.upgrade && may_upgrade(head.fields, protocols) ? UpgradeLine::passing
                                                                                   : UpgradeLine::none,
          .protocols = protocols};
}

std::size_t write_request(const RequestHead& head, const ProxyFields& hop, const Form& form,
                          std::span<char> room) noexcept {
  const ConnectionOptions options{head.fields};
  Writer out{room};
  out << head.method << ' ';
  put_target(out, head, form);
  out << " HTTP/" << text_of(form.version) << "\r\n";
  put_host(out, head, form);  // PLANT(own-host)
  put_fields(out, head, options, form);
  if (!form.request_id.empty() && head.fields.find(FieldName::x_request_id) == nullptr)
    put_field(out, "X-Request-Id", form.request_id);
  if (!form.credentials.empty()) out << "Proxy-Authorization: Basic " << form.credentials << "\r\n";
  put_hop(out, head.version, hop, form, head.fields);
  return finished(out, options);
}

namespace {

// What a final response gets besides the fields of every message.
void put_final(Writer& out, const ResponseHead& head, const ProxyFields& hop, const Form& form) noexcept {
  if (!hop.server.empty() && head.fields.find(FieldName::server) == nullptr)
    put_field(out, "Server", hop.server);
  put_server_timing(out, hop.timing);
  put_added(out, form);
}

}  // namespace

std::size_t write_response(const ResponseHead& head, const ProxyFields& hop, const Form& form,
                           std::span<char> room) noexcept {
  const ConnectionOptions options{head.fields};
  Writer out{room};
  put_status_line(out, head, form.version);
  // Neither an interim response nor a 204 has a length (RFC 9110 section 8.6).
  const bool has_length = !head.interim() && head.status != 204;  // PLANT(no-length-with-204)
  std::optional<std::uint64_t> length = has_length ? head.length : std::nullopt;
  const FieldEdits* const edits = head.interim() ? nullptr : form.edits;
  for (const Field& field : head.fields.all())
    if ((edits == nullptr || !edits->removes(field.name)) && !put_login(out, field, form))
      put_end_to_end(out, field, options, length);
  if (!head.interim()) put_final(out, head, hop, form);
  const bool dated = head.has_date && !options.names(FieldName::date);
  if (!dated && !head.interim()) put_field(out, "Date", hop.date);
  put_hop(out, head.version, hop, form, head.fields);
  if (head.controls) blank_controls(room.first(out.length()));  // PLANT(blank-controls)
  return finished(out, options);
}

}  // namespace http
