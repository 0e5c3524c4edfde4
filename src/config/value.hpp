// A value of the configuration file that knows its line and its path, so that each message names both:
// "proxy.json:12: servers[0].routes[2].type: got "f", expected file_serve, redirect".
#pragma once
#include <optional>
#include <span>

#include "file.hpp"
#include "json.hpp"
#include "keys.hpp"

namespace config {

// Collects errors and warnings; findings() returns the first of them in the order of their lines.
class Report {
 public:
  explicit Report(std::string_view file) : file_(file) {}
  void error(std::size_t line, std::string_view path, std::string_view text);
  void warn(std::size_t line, std::string_view path, std::string_view text);
  // A warning about that line would be among the findings: else it need not be written.
  [[nodiscard]] bool keeps_warning(std::size_t line) const noexcept {
    return warnings_.first.size() < kFindingsMax || line < warnings_.first.back().line;
  }
  // did_you_mean, for the first kFindingsMax calls; then empty: a file can have many unknown names.
  std::string suggest(std::string_view name, std::span<const std::string_view> names);
  Findings findings();
  // "FILE:LINE: PATH", as messages begin.
  [[nodiscard]] std::string place(std::size_t line, std::string_view path) const;

 private:
  struct Entry {
    std::size_t line;
    std::string text;
  };
  // The entries with the lowest lines, at most kFindingsMax, in order.
  struct Entries {
    std::vector<Entry> first;
    std::size_t count = 0;  // of all
  };
  void add(Entries& to, std::size_t line, std::string_view path, std::string_view text) const;
  static std::vector<std::string> texts(const Entries& entries);

  std::string file_;
  Entries errors_, warnings_;
  std::size_t suggestions_ = 0;
};

// A view: valid as long as the tree and the report. A reading function that returns nothing has reported an
// error. `what` names the expected value in it.
class FileValue {
 public:
  FileValue(const JsonValue& json, std::string path, Report& report)
      : json_(&json), path_(std::move(path)), report_(&report) {}

  [[nodiscard]] JsonValue::Kind kind() const noexcept { return json_->kind; }
  [[nodiscard]] std::string_view key() const noexcept { return json_->key; }
  [[nodiscard]] std::size_t line() const noexcept { return json_->line; }
  // The value as written, a string without its quotes.
  [[nodiscard]] std::string_view raw() const noexcept { return json_->text; }

  void error(std::string_view text) const { report_->error(json_->line, path_, text); }
  void warn(std::string_view text) const { report_->warn(json_->line, path_, text); }
  // "FILE:LINE: PATH".
  [[nodiscard]] std::string place() const { return report_->place(json_->line, path_); }
  // Warns about a member of this value whose key is none of `names`.
  void report_unknown(const FileValue& member, std::span<const std::string_view> names) const;
  // Reports the error "got ..., expected WHAT".
  void expected(std::string_view what) const;

  // A string that is not empty and has no control characters.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view what) const;
  [[nodiscard]] std::optional<bool> flag() const;
  [[nodiscard]] std::optional<std::int64_t> number(std::int64_t least, std::int64_t most) const;
  // The index of one of these names.
  [[nodiscard]] std::optional<std::size_t> one_of(std::span<const std::string_view> names) const;
  // The elements of an array; none if it is not an array.
  [[nodiscard]] std::vector<FileValue> elements(std::string_view what) const;
  // The elements of an array, or the value itself if it is not an array.
  [[nodiscard]] std::vector<FileValue> one_or_more() const;
  // The members of an object; none if it is not an object. Warns about duplicate keys; the last one counts.
  [[nodiscard]] std::vector<FileValue> members(std::string_view what) const;

 private:
  const JsonValue* json_;
  std::string path_;
  Report* report_;
};

// An object with known keys. Warns about other keys and suggests the closest known one.
class FileObject {
 public:
  FileObject(const FileValue& value, std::string_view what, std::span<const FileKey> keys);
  // Null if the key is missing.
  [[nodiscard]] const FileValue* find(std::string_view key) const noexcept;
  // The same, and reports an error if it is missing. `example` is a value for the message.
  [[nodiscard]] const FileValue* need(std::string_view key, std::string_view example) const;
  // Warns about keys that have no effect on any of these kinds. `type`: as the object itself calls its kind;
  // empty: it has no type of its own.
  void warn_unused(Kinds kinds, std::string_view type = {}) const;
  // Warns with this text about each member, but those.
  void warn_each(std::span<const std::string_view> but, std::string_view text) const;

 private:
  FileValue value_;
  std::span<const FileKey> keys_;
  std::vector<FileValue> members_;
};

}  // namespace config
