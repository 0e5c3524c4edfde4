#include "rewrite.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "../base/text.hpp"
#include "forwarded.hpp"

namespace http {
namespace {

using base::equals_ignoring_case;
using base::Writer;
using std::string_view;

constexpr std::size_t kConnectionOptionsMax = 32;

// For one connection only, or made anew by us (RFC 9110 section 7.6.1; Trailer because trailers are dropped).
// PLANT(hop-by-hop-fields)
constexpr std::array<string_view, 11> kHopByHop{
    "Connection", "Proxy-Connection",    "Keep-Alive",         "TE",      "Transfer-Encoding",
    "Upgrade",    "Proxy-Authorization", "Proxy-Authenticate", "Trailer", "Proxy-Authentication-Info",
    "Host"};

// The fields that the sender's Connection names.
class Options {
 public:
  explicit Options(const Fields& fields) noexcept {
    for (const Field& field : fields.all()) {
      if (!equals_ignoring_case(field.name, "Connection")) continue;
      for (string_view rest = field.value; !rest.empty();) add(base::next_element(rest));
    }
  }
  [[nodiscard]] bool too_many() const noexcept { return too_many_; }
  [[nodiscard]] bool name(string_view field) const noexcept {
    return std::any_of(options_.begin(), options_.begin() + count_,
                       [field](string_view option) { return equals_ignoring_case(option, field); });
  }

 private:
  void add(string_view option) noexcept {
    if (count_ == kConnectionOptionsMax)
      too_many_ = true;
    else
      options_[static_cast<std::size_t>(count_++)] = option;
  }
  std::array<string_view, kConnectionOptionsMax> options_;
  std::ptrdiff_t count_ = 0;
  bool too_many_ = false;
};

bool is_hop_by_hop(string_view name) noexcept {
  return std::any_of(kHopByHop.begin(), kHopByHop.end(),
                     [name](string_view hop) { return equals_ignoring_case(hop, name); });
}

Writer& put_field(Writer& out, string_view name, string_view value) noexcept {
  return out << name << ": " << value << "\r\n";  // PLANT(write-field)
}

constexpr string_view kRequestId = "X-Request-Id";

const Field* first_of(const Fields& fields, string_view name) noexcept {
  for (const Field& field : fields.all())
    if (equals_ignoring_case(field.name, name)) return &field;
  return nullptr;
}

// A field that goes on. Content-Length is written from the number it was parsed to, whatever Connection says
// of it: the body's framing is not the sender's to hide.
void put_end_to_end(Writer& out, const Field& field, const Options& options, bool keep_length) noexcept {
  // PLANT(end-to-end-fields)
  if (equals_ignoring_case(field.name, "Content-Length")) {
    std::uint64_t length = 0;
    if (keep_length && base::parse_decimal(field.value, length))
      out << field.name << ": " << length << "\r\n";
  } else if (!is_hop_by_hop(field.name) && !options.name(field.name)) {
    put_field(out, field.name, field.value);
  }
}

string_view text_of(Version version) noexcept { return version == Version::http10 ? "1.0" : "1.1"; }

// What is for this connection only. `received`: the version of the message as it came to us.
void put_hop(Writer& out, Version received, const Hop& hop, const Form& form, string_view upgrade) noexcept {
  if (form.chunked) put_field(out, "Transfer-Encoding", "chunked");
  if (form.via) out << "Via: " << text_of(received) << ' ' << hop.via << "\r\n";
  if (form.upgrade) {
    put_field(out, "Upgrade", upgrade);
    put_field(out, "Connection", "Upgrade");
  } else if (form.close) {
    put_field(out, "Connection", "close");
  }
  out << "\r\n";
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

// OPTIONS without a path is for the whole server, which the last proxy says by "*" (RFC 9112 section 3.2.4).
void put_target(Writer& out, const RequestHead& head, const Form& form) noexcept {
  if (form.absolute) {
    out << "http://";
    put_authority(out, head.authority);
  }
  if (head.path.empty() && head.method == "OPTIONS")
    out << (form.absolute ? "" : "*");
  else
    out << (head.path.empty() || head.path.front() != '/' ? "/" : "") << head.path;
}

// ---- what a server behind us is told ---------------------------------------------------------------------

// Lists that each proxy on the way appends to: what is ours ends the last field of that name.
struct List {
  string_view name;
  void (*put)(Writer& out, const RequestHead& head, const Form& form) noexcept;
};
constexpr std::array<List, 2> kLists{{{"X-Forwarded-For", put_forwarded_for}, {"Forwarded", put_forwarded}}};
constexpr string_view kProto = "X-Forwarded-Proto", kHost = "X-Forwarded-Host";

// The last field of each that goes on; null: none does.
using Lasts = std::array<const Field*, kLists.size()>;

Lasts lasts_of(const Fields& fields, const Options& options) noexcept {
  Lasts lasts{};
  for (const Field& field : fields.all())
    for (std::size_t i = 0; i < kLists.size(); ++i)
      // PLANT(last-of-list)
      if (equals_ignoring_case(field.name, kLists[i].name) && !options.name(field.name)) lasts[i] = &field;
  return lasts;
}

void put_list(Writer& out, const Field& before, const RequestHead& head, const Form& form,
              const List& list) noexcept {
  out << before.name << ": " << before.value << (before.value.empty() ? "" : ", ");
  list.put(out, head, form);
  out << "\r\n";
}

// True if there is no more to be done with this field for a server behind us.
bool put_known(Writer& out, const Field& field, const Lasts& lasts, const RequestHead& head,
               const Form& form) noexcept {
  // PLANT(forwarded-fields-dropped)
  if (equals_ignoring_case(field.name, kProto) || equals_ignoring_case(field.name, kHost)) return true;
  const auto* const list = std::find(lasts.begin(), lasts.end(), &field);
  if (list == lasts.end()) return false;
  put_list(out, field, head, form, kLists[static_cast<std::size_t>(list - lasts.begin())]);
  return true;
}

// What did not come in a list that goes on.
void put_new(Writer& out, const Lasts& lasts, const RequestHead& head, const Form& form) noexcept {
  for (std::size_t i = 0; i < kLists.size(); ++i)
    if (lasts[i] == nullptr) put_list(out, {kLists[i].name, {}}, head, form, kLists[i]);
  put_field(out, kProto, form.scheme);
  if (const Asked host = asked_host(head); host.known()) {
    out << kHost << ": ";
    put_asked(out, host);
    out << "\r\n";
  }
}

// ---- a request's fields ----------------------------------------------------------------------------------

void put_host(Writer& out, const RequestHead& head, const Form& form) noexcept {
  out << "Host: ";
  const Field* const came = first_of(head.fields, "Host");
  if (head.form == TargetForm::absolute)
    put_authority(out, head.authority);
  else
    out << (came == nullptr ? form.host : came->value);
  out << "\r\n";
}

// Each is counted down by itself, so that none grows.
bool put_forwards_left(Writer& out, const Field& field) noexcept {
  std::uint32_t left = 0;
  if (!equals_ignoring_case(field.name, "Max-Forwards") || !base::parse_decimal(field.value, left))
    return false;
  out << field.name << ": " << std::uint64_t{std::max(left, 1U) - 1} << "\r\n";
  return true;
}

void put_fields(Writer& out, const RequestHead& head, const Options& options, const Form& form) noexcept {
  const Lasts lasts = form.reverse ? lasts_of(head.fields, options) : Lasts{};
  for (const Field& field : head.fields.all()) {
    if (head.forwards_left >= 0 && put_forwards_left(out, field)) continue;
    if (form.reverse && put_known(out, field, lasts, head, form)) continue;
    put_end_to_end(out, field, options, true);
  }
  if (form.reverse) put_new(out, lasts, head, form);
}

std::size_t finished(const Writer& out, const Options& options) noexcept {
  return out.overflowed() || options.too_many() ? 0 : out.length();
}

// ---- kRewriteGrowthMax -----------------------------------------------------------------------------------

constexpr std::size_t length_of(std::initializer_list<string_view> texts, std::size_t more) {
  for (const string_view text : texts) more += text.size();
  return more;
}
// A blank in each field. Upgrade and Transfer-Encoding are written where they came.
constexpr std::size_t kInAll =
    kFieldsMax + length_of({"Via: 1.1 \r\n", "Connection: close\r\n", "X-Request-Id: \r\n"}, 64 + 64);
constexpr std::size_t kToProxy =
    length_of({"Host: \r\n", "/", "Proxy-Authorization: Basic \r\n"}, kHostTextMax + kCredentialsBytesMax);
// Where no Host came, ours stands in nothing else. 39: the longest IPv6 address without an IPv4 one in it.
constexpr std::size_t kToServer =
    length_of({"Host: \r\n", "X-Forwarded-For: \r\n", "X-Forwarded-Proto: https\r\n",
               "X-Forwarded-Host: \r\n", R"(Forwarded: for="[]";host="";proto=https)", "\r\n"},
              2 * (std::size_t{39} + kHostTextMax));
constexpr std::size_t kToClient =
    length_of({"Date: \r\n", "Transfer-Encoding: chunked\r\n", " "}, kDateBytes);
static_assert(kInAll + std::max({kToProxy, kToServer, kToClient}) <= kRewriteGrowthMax);

}  // namespace

Form request_form(const RequestHead& head, Version version) noexcept {
  const bool http11 = version == Version::http11;
  return {.version = version,
          .chunked = http11 && head.body.kind == Body::Kind::chunked,
          .close = !http11,
          .upgrade = http11 && !head.upgrade.empty() && head.body.kind == Body::Kind::none};
}

std::size_t write_request(const RequestHead& head, const Hop& hop, const Form& form,
                          std::span<char> room) noexcept {
  const Options options{head.fields};
  Writer out{room};
  out << head.method << ' ';
  put_target(out, head, form);
  out << " HTTP/" << text_of(form.version) << "\r\n";
  put_host(out, head, form);  // PLANT(own-host)
  put_fields(out, head, options, form);
  if (!form.request_id.empty() && first_of(head.fields, kRequestId) == nullptr)
    put_field(out, kRequestId, form.request_id);
  if (!form.credentials.empty()) out << "Proxy-Authorization: Basic " << form.credentials << "\r\n";
  put_hop(out, head.version, hop, form, head.upgrade);
  return finished(out, options);
}

std::size_t write_response(const ResponseHead& head, const Hop& hop, const Form& form,
                           std::span<char> room) noexcept {
  const Options options{head.fields};
  Writer out{room};
  put_status_line(out, head, form.version);
  // Neither an interim answer nor a 204 has a length (RFC 9110 section 8.6).
  const bool has_length = !head.interim() && head.status != 204;  // PLANT(no-length-with-204)
  for (const Field& field : head.fields.all()) put_end_to_end(out, field, options, has_length);
  const bool dated = head.has_date && !options.name("Date");
  if (!dated && !head.interim()) put_field(out, "Date", hop.date);
  put_hop(out, head.version, hop, form, head.upgrade);
  return finished(out, options);
}

void write_date(std::uint64_t unix_ms, std::span<char, kDateBytes> room) noexcept {
  using namespace std::chrono;
  constexpr std::array<string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds now{seconds{unix_ms / 1000}};
  const sys_days day = floor<days>(now);
  const year_month_day date{day};
  const hh_mm_ss time{now - day};
  Writer out{room};
  out << kDays[weekday{day}.c_encoding()] << ", ";
  out.padded(static_cast<unsigned>(date.day()), 2)
      << ' ' << kMonths[static_cast<unsigned>(date.month()) - 1] << ' ';
  out.padded(static_cast<std::uint64_t>(static_cast<int>(date.year())), 4) << ' ';
  out.padded(static_cast<std::uint64_t>(time.hours().count()), 2) << ':';
  out.padded(static_cast<std::uint64_t>(time.minutes().count()), 2) << ':';
  out.padded(static_cast<std::uint64_t>(time.seconds().count()), 2) << " GMT";
}

}  // namespace http
