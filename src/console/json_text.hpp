// Writes JSON text of any length.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "../base/escape.hpp"

namespace console {

// Writes values in the order of the calls. Members and elements are separated where they begin.
class JsonText {
 public:
  JsonText& open(char bracket) {  // '{' or '['
    text_ += bracket;
    first_ = true;
    return *this;
  }
  JsonText& close(char bracket) {
    text_ += bracket;
    first_ = false;
    return *this;
  }
  // The name of a member: its value follows. REQUIRES: plain ASCII without quotes.
  JsonText& name(std::string_view member) {
    separate();
    (text_ += '"') += member;
    text_ += "\":";
    return *this;
  }
  // Before an element of a list.
  JsonText& separate() {
    if (!std::exchange(first_, false)) text_ += ',';
    return *this;
  }
  JsonText& string(std::string_view value) {  // see base::json_string
    text_ += base::json_string(value);
    return *this;
  }
  JsonText& string_or_null(std::string_view value) { return value.empty() ? raw("null") : string(value); }
  JsonText& number(std::uint64_t value) { return raw(std::to_string(value)); }
  JsonText& flag(bool value) { return raw(value ? "true" : "false"); }
  JsonText& raw(std::string_view value) {
    text_ += value;
    return *this;
  }

  // Members with their values.
  JsonText& member(std::string_view of, std::string_view value) { return name(of).string(value); }
  JsonText& member(std::string_view of, std::uint64_t value) { return name(of).number(value); }
  JsonText& flag_member(std::string_view of, bool value) { return name(of).flag(value); }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
  bool first_ = true;
};

}  // namespace console
