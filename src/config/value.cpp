#include "value.hpp"

#include <algorithm>
#include <unordered_map>

#include "../base/text.hpp"
#include "did_you_mean.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;
using Kind = JsonValue::Kind;

constexpr std::size_t kQuotedMax = 60;

string shortened(string_view text) {
  return '"' + string{text.substr(0, kQuotedMax)} + (text.size() > kQuotedMax ? "...\"" : "\"");
}

string described(const JsonValue& value) {
  switch (value.kind) {
    case Kind::null: return "null";
    case Kind::boolean:
    case Kind::number: return value.text;
    case Kind::text: return shortened(value.text);
    case Kind::array: return "an array";
    case Kind::object: break;
  }
  return "an object";
}

string joined(string_view path, string_view key) {
  return path.empty() ? string{key} : string{path} + "." + string{key};
}

}  // namespace

// ---- the report ------------------------------------------------------------------------------------------

string Report::place(std::size_t line, string_view path) const {
  return file_ + ":" + std::to_string(line) + (path.empty() ? "" : ": ") + string{path};
}

void Report::add(Entries& to, std::size_t line, string_view path, string_view text) const {
  ++to.count;
  const auto after = [](std::size_t wanted, const Entry& entry) { return wanted < entry.line; };
  const auto place = std::upper_bound(to.first.begin(), to.first.end(), line, after);
  if (to.first.size() == kFindingsMax && place == to.first.end()) return;
  // PLANT(printable-finding)
  to.first.insert(place, {line, base::printable(this->place(line, path) + ": " + string{text})});
  if (to.first.size() > kFindingsMax) to.first.pop_back();
}

void Report::error(std::size_t line, string_view path, string_view text) { add(errors_, line, path, text); }

void Report::warn(std::size_t line, string_view path, string_view text) { add(warnings_, line, path, text); }

string Report::suggest(string_view name, std::span<const string_view> names) {
  return suggestions_++ < kFindingsMax ? did_you_mean(name, names) : string{};
}

std::vector<string> Report::texts(const Entries& entries) {
  std::vector<string> out;
  for (const Entry& entry : entries.first) out.push_back(entry.text);
  return out;
}

Findings Report::findings() {
  Findings out{texts(errors_), texts(warnings_)};
  if (errors_.count > kFindingsMax)
    out.errors.push_back(file_ + ": and " + std::to_string(errors_.count - kFindingsMax) + " more errors");
  return out;
}

// ---- a value ---------------------------------------------------------------------------------------------

void FileValue::expected(string_view what) const {
  error("got " + described(*json_) + ", expected " + string{what});
}

std::optional<string_view> FileValue::text(string_view what) const {
  const string& text = json_->text;
  if (kind() == Kind::text && !text.empty() && !base::has_control(text)) return text;
  expected(what);
  return std::nullopt;
}

std::optional<bool> FileValue::flag() const {
  if (kind() == Kind::boolean) return json_->text == "true";
  expected("true or false");
  return std::nullopt;
}

std::optional<std::int64_t> FileValue::number(std::int64_t least, std::int64_t most) const {
  string_view digits = json_->text;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  std::int64_t value = 0;
  if (kind() == Kind::number && base::parse_decimal(digits, value)) {
    if (negative) value = -value;
    if (least <= value && value <= most) return value;
  }
  expected("a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<std::size_t> FileValue::one_of(std::span<const string_view> names) const {
  const auto found = std::find(names.begin(), names.end(), kind() == Kind::text ? raw() : string_view{});
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  string all;
  for (const string_view name : names) all += (all.empty() ? "" : ", ") + string{name};
  expected(all + (kind() == Kind::text ? report_->suggest(raw(), names) : ""));
  return std::nullopt;
}

std::vector<FileValue> FileValue::elements(string_view what) const {
  std::vector<FileValue> out;
  if (kind() != Kind::array) {
    expected(what);
    return out;
  }
  for (std::size_t i = 0; i < json_->items.size(); ++i)
    out.emplace_back(json_->items[i], path_ + "[" + std::to_string(i) + "]", *report_);
  return out;
}

std::vector<FileValue> FileValue::one_or_more() const {
  return kind() == Kind::array ? elements("") : std::vector<FileValue>{*this};
}

std::vector<FileValue> FileValue::members(string_view what) const {
  std::vector<FileValue> out;
  if (kind() != Kind::object) {
    expected(what);
    return out;
  }
  std::unordered_map<string_view, std::size_t> places;  // in `out`
  for (const JsonValue& item : json_->items) {
    FileValue member{item, joined(path_, item.key), *report_};
    const auto [place, is_new] = places.try_emplace(item.key, out.size());
    if (is_new) {
      out.push_back(std::move(member));
      continue;
    }
    FileValue& before = out[place->second];
    before.warn("no effect: given again in line " + std::to_string(item.line));
    before = std::move(member);
  }
  return out;
}

// A key that is known at another level: fragments of a file are easily pasted to the wrong place.
void FileValue::report_unknown(const FileValue& member, std::span<const string_view> names) const {
  const string levels = levels_of(member.key());
  const string near = levels.empty() ? report_->suggest(member.key(), names) : string{};
  if (near.empty() && !report_->keeps_warning(member.line())) return;
  if (!levels.empty()) return member.warn("no effect here: it belongs to " + levels);
  const string what = "unknown key " + base::quoted(member.key());
  near.empty() ? report_->warn(member.line(), path_, what + ": it is ignored")
               : report_->error(member.line(), path_, what + near);
}

// ---- an object -------------------------------------------------------------------------------------------

FileObject::FileObject(const FileValue& value, string_view what, std::span<const FileKey> keys)
    : value_(value), keys_(keys), members_(value.members(what)) {
  std::vector<string_view> names;
  for (const FileKey& key : keys) names.push_back(key.name);
  for (const FileValue& member : members_)
    if (std::find(names.begin(), names.end(), member.key()) == names.end())
      value_.report_unknown(member, names);
}

const FileValue* FileObject::find(string_view key) const noexcept {
  const auto found = std::find_if(members_.begin(), members_.end(),
                                  [key](const FileValue& member) { return member.key() == key; });
  return found == members_.end() ? nullptr : &*found;
}

const FileValue* FileObject::need(string_view key, string_view example) const {
  const FileValue* const found = find(key);
  if (found == nullptr && value_.kind() == Kind::object)
    value_.error("missing " + string{key} + ", as in \"" + string{key} + "\": " + string{example});
  return found;
}

void FileObject::warn_unused(Kinds kinds, string_view type) const {
  for (const FileValue& member : members_) {
    const auto key = std::find_if(keys_.begin(), keys_.end(),
                                  [&member](const FileKey& row) { return row.name == member.key(); });
    if (key == keys_.end() || (key->kinds & kinds) != 0) continue;
    member.warn(type.empty() ? "no effect without " + names_of(key->kinds)
                             : "no effect with type " + string{type});
  }
}

void FileObject::warn_each(std::span<const string_view> but, string_view text) const {
  for (const FileValue& member : members_)
    if (std::find(but.begin(), but.end(), member.key()) == but.end()) member.warn(text);
}

}  // namespace config
