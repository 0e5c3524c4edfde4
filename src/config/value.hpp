// A value of a configuration file with the way to it, so that whatever is said about it names its line and
// its keys: "proxy.json:12: servers[0].routes[2].type: found "file"; possible are file_serve, redirect".
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "file.hpp"
#include "json.hpp"

namespace config {

// What is said, in the order of the lines.
class Report {
 public:
  explicit Report(std::string_view file) : file_(file) {}
  void error(std::size_t line, std::string_view path, std::string_view text);
  void warn(std::size_t line, std::string_view path, std::string_view text);
  Findings findings();

 private:
  struct Said {
    std::size_t line;
    std::string text;
  };
  [[nodiscard]] Said said(std::size_t line, std::string_view path, std::string_view text) const;
  static std::vector<std::string> sorted(std::vector<Said>& all);

  std::string file_;
  std::vector<Said> errors_, warnings_;
};

// Good as long as the tree and the report. Where a reading function returns nothing, it has said why.
class FileValue {
 public:
  FileValue(const JsonValue& json, std::string path, Report& report)
      : json_(&json), path_(std::move(path)), report_(&report) {}

  [[nodiscard]] JsonValue::Kind kind() const noexcept { return json_->kind; }
  [[nodiscard]] std::string_view key() const noexcept { return json_->key; }
  [[nodiscard]] std::size_t line() const noexcept { return json_->line; }
  // As it is written, of a text without its quotes.
  [[nodiscard]] std::string_view raw() const noexcept { return json_->text; }

  void error(std::string_view text) const { report_->error(json_->line, path_, text); }
  void warn(std::string_view text) const { report_->warn(json_->line, path_, text); }
  // "found ...; possible is ..."
  void wrong(std::string_view possible) const;

  // A text without control characters, and not empty.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view possible) const;
  [[nodiscard]] std::optional<bool> flag() const;
  [[nodiscard]] std::optional<std::int64_t> number(std::int64_t least, std::int64_t most) const;
  // The index of one of these names.
  [[nodiscard]] std::optional<std::size_t> one_of(std::span<const std::string_view> names) const;
  // The elements of an array; none if it is not one.
  [[nodiscard]] std::vector<FileValue> elements(std::string_view possible) const;
  // The elements of an array, or the value itself if it is none.
  [[nodiscard]] std::vector<FileValue> one_or_more() const;
  // The members of an object; none if it is not one. Of a key that comes twice the last, which is told.
  [[nodiscard]] std::vector<FileValue> members(std::string_view possible) const;

 private:
  const JsonValue* json_;
  std::string path_;
  Report* report_;
};

// A key of an object, and for which of the object's types (a bit each) it means something.
struct FileKey {
  std::string_view name;
  std::uint8_t types = 0xff;
};

// An object that may have these keys; others are told, with the nearest spelling.
class FileObject {
 public:
  FileObject(const FileValue& value, std::string_view possible, std::span<const FileKey> keys);
  // Null if there is none.
  [[nodiscard]] const FileValue* find(std::string_view key) const noexcept;
  // The same, and says if there is none; `example` is its value.
  [[nodiscard]] const FileValue* need(std::string_view key, std::string_view example) const;
  // Tells of keys that mean nothing for this type; `name` is that of the type.
  void tell_idle(std::uint8_t type, std::string_view name) const;

 private:
  FileValue value_;
  std::span<const FileKey> keys_;
  std::vector<FileValue> members_;
};

}  // namespace config
