#include "json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "../base/text.hpp"

namespace config {
namespace {

using std::string_view;

constexpr std::size_t kDepthMax = 32;
constexpr std::size_t kValuesMax = 20'000;

// The library does not report the position of a value. It reads through this iterator, which records how far
// it has come.
class PositionIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  PositionIterator(const char* at, const char*& read) noexcept : at_(at), read_(&read) {}
  reference operator*() const noexcept { return *at_; }
  PositionIterator& operator++() noexcept {
    *read_ = ++at_;
    return *this;
  }
  PositionIterator operator++(int) noexcept {
    PositionIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const PositionIterator& other) const noexcept { return at_ == other.at_; }
  bool operator!=(const PositionIterator& other) const noexcept { return at_ != other.at_; }

 private:
  const char* at_;
  const char** read_;
};

// Is called after the last byte of each value; for a number after the byte that follows it.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(string_view text, const char*& read, JsonValue& root)
      : text_(text), read_(read), counted_(text.data()) {
    open_.push_back(&root);
  }

  bool null() override { return add(JsonValue::Kind::null, "null"); }
  bool boolean(bool value) override { return add(JsonValue::Kind::boolean, value ? "true" : "false"); }
  bool number_integer(std::int64_t value) override {
    return add(JsonValue::Kind::number, std::to_string(value));
  }
  bool number_unsigned(std::uint64_t value) override {
    return add(JsonValue::Kind::number, std::to_string(value));
  }
  bool number_float(double /*value*/, const std::string& written) override {
    return add(JsonValue::Kind::number, written);
  }
  bool string(std::string& value) override { return add(JsonValue::Kind::text, std::move(value)); }
  bool binary(nlohmann::json::binary_t& /*value*/) override { return false; }
  bool key(std::string& value) override {
    key_ = std::move(value);
    return true;
  }
  bool start_object(std::size_t /*count*/) override { return open(JsonValue::Kind::object); }
  bool start_array(std::size_t /*count*/) override { return open(JsonValue::Kind::array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::json::exception& why) override {
    const std::string words = without_quotation(why.what());
    const std::size_t start = start_of(position, token, words);
    error_ = at(start);
    error_.what = sentence(position, start, words);
    return false;
  }

  [[nodiscard]] const JsonError& error() const noexcept { return error_; }

  // An error at this byte, without a text.
  [[nodiscard]] JsonError at(std::size_t index) const {
    const string_view before = text_.substr(0, index);
    const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
    return {1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')),
            before.size() - start + 1,
            {}};
  }

 private:
  // Counts on from the last position: values come in order.
  std::size_t line() noexcept {
    const char* const end = read_ == text_.data() ? read_ : read_ - 1;
    line_ += static_cast<std::size_t>(std::count(counted_, std::max(counted_, end), '\n'));
    counted_ = std::max(counted_, end);
    return line_;
  }

  // Null, with an error, if there are too many values.
  JsonValue* put(JsonValue::Kind kind) {
    if (++values_ > kValuesMax) return reject("too many values: at most " + std::to_string(kValuesMax));
    JsonValue* value = open_.back();
    if (open_.size() > 1 || started_) {
      value->items.emplace_back();
      value = &value->items.back();
      value->key = std::exchange(key_, {});
    }
    started_ = true;
    value->kind = kind;
    value->line = line();
    return value;
  }

  bool add(JsonValue::Kind kind, std::string text) {
    JsonValue* const value = put(kind);
    if (value != nullptr) value->text = std::move(text);
    return value != nullptr;
  }

  // The pointers to open containers stay valid: the list that holds one grows only after it was closed.
  bool open(JsonValue::Kind kind) {
    const bool is_root = !started_;
    JsonValue* const value = put(kind);
    if (value == nullptr) return false;
    if (!is_root) open_.push_back(value);
    if (open_.size() <= kDepthMax) return true;
    reject("too deeply nested: at most " + std::to_string(kDepthMax) + " levels");
    return false;
  }

  // Notes an error at the last byte that was read. Returns null.
  JsonValue* reject(std::string what) {
    error_ = at(static_cast<std::size_t>(read_ - text_.data()) - 1);
    error_.what = std::move(what);
    return nullptr;
  }

  bool close() {
    if (open_.size() > 1) open_.pop_back();
    return true;
  }

  // The library quotes the text, which may contain each of its words: "...; last read: '...'; expected ...".
  static std::string without_quotation(string_view message) {
    const std::size_t begin = message.find("; last read: '");
    if (begin == string_view::npos) return std::string{message};
    return std::string{message.substr(0, begin)}.append(message.substr(message.rfind('\'') + 1));
  }

  // The end of the last byte before `index` that is not white space.
  [[nodiscard]] std::size_t end_before(std::size_t index) const noexcept {
    return text_.substr(0, index).find_last_not_of(" \t\r\n") + 1;
  }

  // The start of the invalid token; `position` bytes were read when it was found.
  [[nodiscard]] std::size_t start_of(std::size_t position, string_view token,
                                     string_view why) const noexcept {
    if (position > text_.size()) return end_before(text_.size());
    const std::size_t last = position == 0 ? 0 : position - 1;
    const char c = text_[last];
    const bool is_word = why.find("invalid literal") != string_view::npos || base::is(c, base::kToken);
    if (c == '"' && token.size() <= position && token.starts_with('"')) return position - token.size();
    std::size_t start = last;
    while (is_word && start > 0 && base::is(text_[start - 1], base::kToken)) --start;
    return start;
  }

  // The library's messages name its grammar; these name the usual mistakes.
  [[nodiscard]] std::string sentence(std::size_t position, std::size_t start, string_view why) const {
    const auto says = [why](string_view words) { return why.find(words) != string_view::npos; };
    if (position > text_.size()) return "unexpected end of file: missing ], } or quote";
    const std::size_t end = end_before(start);
    const char first = text_[start], last = end == 0 ? '\0' : text_[end - 1];
    if (says("invalid string") && says("U+000A")) return "missing closing quote in this line";
    if (const std::size_t found = why.find("invalid string: "); found != string_view::npos)
      return std::string{why.substr(found, why.find(';', found) - found)};
    if (says("number overflow")) return "number out of range";
    if (first == '/' || first == '#') return "comments are not allowed in JSON";
    if (first == '\'') return "single quotes are not allowed: use double quotes";
    if ((first == ']' || first == '}') && last == ',') return "trailing comma before " + std::string{first};
    if (says("expected end of input")) return "unexpected text after the end of the value";
    if (says("parsing object key")) return "expected a key in double quotes";
    if (says("parsing object separator")) return "expected a colon between key and value";
    if (says("invalid literal"))
      return "invalid value: expected a string in double quotes, a number, true, false or null";
    if (says("parsing array")) return "expected a comma or ]";
    if (says("parsing object")) return "expected a comma or }";
    return "expected a value";
  }

  string_view text_;
  const char*& read_;
  const char* counted_;
  std::size_t line_ = 1;
  std::vector<JsonValue*> open_;  // from the outermost on
  bool started_ = false;
  std::size_t values_ = 0;
  std::string key_;
  JsonError error_;
};

}  // namespace

bool has_json() noexcept { return true; }

JsonError parse_json(string_view text, JsonValue& out) {
  out = {};
  const char* read = text.data();
  Builder builder{text, read, out};
  const bool good = nlohmann::json::sax_parse(PositionIterator{text.data(), read},
                                              PositionIterator{text.data() + text.size(), read}, &builder);
  JsonError error = builder.error();
  if (!good && error.what.empty()) error = {1, 1, "invalid JSON"};
  // The library takes a NUL for the end.
  const std::size_t nul = text.find('\0');
  if (!error.what.empty() || nul == string_view::npos) return error;
  error = builder.at(nul);
  error.what = "unexpected NUL byte: is this a text file?";
  return error;
}

}  // namespace config
