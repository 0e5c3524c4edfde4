#include "lens_text.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"
#include "number_text.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;
using sys::LensSettings;

constexpr std::uint32_t kPercentMax = 90;  // with 100 nothing would ever go on
constexpr std::uint32_t kDelayMsMax = 10'000;
constexpr std::uint32_t kDescriptorsMax = 1'000'000;

// ---- settings: each function returns false if the value is invalid ---------------------------------------

template <std::uint32_t LensSettings::*member>
bool take_bytes(LensSettings& out, string_view text) noexcept {
  return base::parse_decimal(text, out.*member) && out.*member > 0;
}

template <std::uint32_t LensSettings::*member>
bool take_percent(LensSettings& out, string_view text) noexcept {
  if (text.ends_with('%')) text.remove_suffix(1);
  return base::parse_decimal(text, out.*member) && out.*member <= kPercentMax;
}

bool take_seed(LensSettings& out, string_view text) noexcept { return base::parse_decimal(text, out.seed); }

bool take_delay(LensSettings& out, string_view text) noexcept {
  const std::optional<std::uint32_t> ms = parse_seconds(text);
  out.delay_ms = ms.value_or(kDelayMsMax + 1);
  return out.delay_ms <= kDelayMsMax;
}

bool take_shuffle(LensSettings& out, string_view text) noexcept {
  out.shuffle = true;
  return text.empty();
}

bool take_descriptors(LensSettings& out, string_view text) noexcept {
  return base::parse_decimal(text, out.descriptors_max) && out.descriptors_max > 0 &&
         out.descriptors_max <= kDescriptorsMax;
}

struct Setting {
  string_view name;
  string_view expected;
  bool (*take)(LensSettings&, string_view) noexcept;
};
constexpr std::array<Setting, 9> kSettings{{
    {"seed", "a number, as in seed=7", take_seed},
    {"read", "bytes of one read, as in read=3", take_bytes<&LensSettings::read_max>},
    {"write", "bytes of one write, as in write=5", take_bytes<&LensSettings::write_max>},
    {"eagain", "0% to 90%, as in eagain=4%", take_percent<&LensSettings::again_percent>},
    {"eintr", "0% to 90%, as in eintr=4%", take_percent<&LensSettings::intr_percent>},
    {"reset", "0% to 90%, as in reset=1%", take_percent<&LensSettings::reset_percent>},
    {"delay", "at most 10 seconds, as in delay=50ms", take_delay},
    {"shuffle", "no value", take_shuffle},
    {"emfile", "the number of open descriptors, as in emfile=40", take_descriptors},
}};

struct Preset {
  string_view name, settings;
};
constexpr std::array<Preset, 3> kPresets{{{"slow-reader", "write=1000,eagain=50%,delay=50ms"},
                                          {"crumbs", "read=7,write=7"},
                                          {"bad-line", "read=1460,eagain=10%,reset=1%,delay=30ms,shuffle"}}};

string unknown(string_view name) {
  string names;
  for (const Preset& preset : kPresets) names += string{preset.name} + ", ";
  for (const Setting& setting : kSettings) names += (names.ends_with(' ') ? "" : ", ") + string{setting.name};
  return "unknown setting " + base::quoted(name) + ": expected " + names;
}

string take(string_view text, LensSettings& out) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const string_view name = text.substr(0, equals);
  const string_view value = equals < text.size() ? text.substr(equals + 1) : string_view{};
  for (const Setting& setting : kSettings)
    if (setting.name == name)
      return setting.take(out, value)
                 ? string{}
                 : "invalid setting " + base::quoted(text) + ": expected " + string{setting.expected};
  return unknown(name);
}

string take_all(string_view text, LensSettings& out) {
  for (bool more = true; more;) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const string_view one = text.substr(0, comma);
    const auto* const preset =
        std::find_if(kPresets.begin(), kPresets.end(), [one](const Preset& p) { return p.name == one; });
    string error = preset != kPresets.end() ? take_all(preset->settings, out) : take(one, out);
    if (!error.empty()) return error;
    more = comma < text.size();
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return {};
}

}  // namespace

string parse_lens(string_view text, LensSettings& out) {
  LensSettings settings;
  string error = take_all(text, settings);
  if (!error.empty()) return error;
  settings.text = text;
  out = std::move(settings);
  return {};
}

}  // namespace config
