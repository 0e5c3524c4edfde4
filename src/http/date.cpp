#include "date.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "../base/civil_time.hpp"
#include "../base/text.hpp"

namespace http {
namespace {

using std::string_view;

constexpr std::array<string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<string_view, 7> kDays{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                           "Friday", "Saturday", "Sunday"};

// Reads a date from its front. After a mismatch nothing more is read.
class Scanner {
 public:
  explicit Scanner(string_view text) noexcept : rest_(text) {}

  void literal(string_view expected) noexcept {
    good_ = good_ && rest_.starts_with(expected);
    if (good_) rest_.remove_prefix(expected.size());
  }
  unsigned digits(std::size_t count) noexcept {
    unsigned value = 0;
    good_ = good_ && rest_.size() >= count && base::parse_decimal(rest_.substr(0, count), value);
    if (good_) rest_.remove_prefix(count);
    return value;
  }
  // asctime: a blank before a day of one digit.
  unsigned padded_day() noexcept {
    if (!rest_.starts_with(' ')) return digits(2);
    rest_.remove_prefix(1);
    return digits(1);
  }
  unsigned month() noexcept {
    const auto* const found = std::find(kMonths.begin(), kMonths.end(), rest_.substr(0, 3));
    good_ = good_ && found != kMonths.end();
    if (!good_) return 0;
    rest_.remove_prefix(3);
    return static_cast<unsigned>(found - kMonths.begin()) + 1;
  }
  // The name of any day, in full or abbreviated. It is not compared with the date.
  void day_name(bool whole) noexcept {
    const auto* const found = std::find_if(kDays.begin(), kDays.end(), [this, whole](string_view day) {
      return rest_.starts_with(whole ? day : day.substr(0, 3));
    });
    good_ = good_ && found != kDays.end();
    if (good_) rest_.remove_prefix(whole ? found->size() : 3);
  }
  [[nodiscard]] bool finished() const noexcept { return good_ && rest_.empty(); }

 private:
  string_view rest_;
  bool good_ = true;
};

struct Parts {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

void take_time(Scanner& scan, Parts& parts) noexcept {
  parts.hour = scan.digits(2);
  scan.literal(":");
  parts.minute = scan.digits(2);
  scan.literal(":");
  parts.second = scan.digits(2);
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
bool take_fixdate(string_view text, Parts& parts) noexcept {
  Scanner scan{text};
  scan.day_name(false);
  scan.literal(", ");
  parts.day = scan.digits(2);
  scan.literal(" ");
  parts.month = scan.month();
  scan.literal(" ");
  parts.year = scan.digits(4);
  scan.literal(" ");
  take_time(scan, parts);
  scan.literal(" GMT");
  return scan.finished();
}

// "Sunday, 06-Nov-94 08:49:37 GMT"
bool take_rfc850(string_view text, Parts& parts, unsigned year_now) noexcept {
  Scanner scan{text};
  scan.day_name(true);
  scan.literal(", ");
  parts.day = scan.digits(2);
  scan.literal("-");
  parts.month = scan.month();
  scan.literal("-");
  parts.year = year_now / 100 * 100 + scan.digits(2);
  scan.literal(" ");
  take_time(scan, parts);
  scan.literal(" GMT");
  if (parts.year > year_now + 50) parts.year -= 100;
  if (parts.year + 50 <= year_now) parts.year += 100;
  return scan.finished();
}

// "Sun Nov  6 08:49:37 1994"
bool take_asctime(string_view text, Parts& parts) noexcept {
  Scanner scan{text};
  scan.day_name(false);
  scan.literal(" ");
  parts.month = scan.month();
  scan.literal(" ");
  parts.day = scan.padded_day();
  scan.literal(" ");
  take_time(scan, parts);
  scan.literal(" ");
  parts.year = scan.digits(4);
  return scan.finished();
}

}  // namespace

std::optional<std::int64_t> parse_date(string_view text, std::int64_t now_s) noexcept {
  using namespace std::chrono;
  const unsigned year_now = base::civil_time(now_s).year;
  Parts parts;
  if (!take_fixdate(text, parts) && !take_rfc850(text, parts, year_now) && !take_asctime(text, parts))
    return std::nullopt;
  const year_month_day date{year{static_cast<int>(parts.year)}, month{parts.month}, day{parts.day}};
  // 60: a leap second.
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return std::nullopt;
  const sys_seconds when = sys_days{date} + hours{parts.hour} + minutes{parts.minute} + seconds{parts.second};
  return when.time_since_epoch().count();
}

string_view month_name(unsigned month) noexcept { return kMonths[month - 1]; }

void write_date(std::uint64_t unix_ms, std::span<char, kDateBytes> room) noexcept {
  const base::CivilTime at = base::civil_time(static_cast<std::int64_t>(unix_ms / 1000));
  base::Writer out{room};
  out << kDays[base::weekday(at) - 1].substr(0, 3) << ", ";
  out.padded(at.day, 2) << ' ' << month_name(at.month) << ' ';
  out.padded(at.year, 4) << ' ';
  base::put_clock(out, at);
  out << " GMT";
}

}  // namespace http
