#include "json_members.hpp"

#include <utility>

#include "../base/text.hpp"

namespace ask {
namespace {

constexpr int kDepthMax = 16;

class Reader {
 public:
  Reader(std::string_view text, Members& members) : rest_(text), members_(members) {}

  bool document() { return value("", 0) && (skip(), rest_.empty()); }

 private:
  void skip() noexcept {
    while (!rest_.empty() &&
           (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == '\n' || rest_.front() == '\r'))
      rest_.remove_prefix(1);
  }
  bool take(char c) noexcept {
    skip();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool value(const std::string& path, int depth) {
    if (take('{')) return object(path, depth);
    if (take('[')) return array(path, depth);
    std::string text;
    if (take('"')) {
      if (!string(text)) return false;
      members_[path] = std::move(text);
      return true;
    }
    return word(path);
  }

  bool object(const std::string& path, int depth) {
    if (depth == kDepthMax) return false;
    if (take('}')) return true;
    do {
      std::string name;
      if (!take('"') || !string(name) || !take(':')) return false;
      if (!value(path.empty() ? name : path + '.' + name, depth + 1)) return false;
    } while (take(','));
    return take('}');
  }

  bool array(const std::string& path, int depth) {
    if (depth == kDepthMax) return false;
    const std::string front = path.empty() ? "" : path + '.';
    std::size_t length = 0;
    if (!take(']')) {
      do {
        if (!value(front + std::to_string(length++), depth + 1)) return false;
      } while (take(','));
      if (!take(']')) return false;
    }
    members_[front + "length"] = std::to_string(length);
    return true;
  }

  // The rest of a string.
  bool string(std::string& out) {
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\')
        out += c >= ' ' && c <= '~' ? c : '?';
      else if (!escape(out))
        return false;
    }
    return false;
  }

  // The rest of an escape.
  bool escape(std::string& out) {
    if (rest_.empty()) return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (c == '"' || c == '\\' || c == '/') return out += c, true;
    if (c != 'u') return out += '?', std::string_view{"bfnrt"}.find(c) != std::string_view::npos;
    if (rest_.size() < 4 || !base::all_are(rest_.substr(0, 4), base::kHexDigit)) return false;
    unsigned number = 0;
    for (const char digit : rest_.substr(0, 4)) number = number * 16 + base::hex_value(digit);
    rest_.remove_prefix(4);
    out += number >= ' ' && number <= '~' ? static_cast<char>(number) : '?';
    return true;
  }

  // A number, true, false or null.
  bool word(const std::string& path) {
    skip();
    std::size_t length = 0;
    while (length < rest_.size() && (base::is(rest_[length], base::kToken))) ++length;
    const std::string_view text = rest_.substr(0, length);
    rest_.remove_prefix(length);
    if (text == "null") return true;
    const bool number = !text.empty() && (text.front() == '-' || base::is(text.front(), base::kDigit));
    if (!number && text != "true" && text != "false") return false;
    members_[path] = std::string{text};
    return true;
  }

  std::string_view rest_;
  Members& members_;
};

}  // namespace

bool read_members(std::string_view text, Members& members) {
  members.clear();
  return Reader{text, members}.document();
}

std::string_view member(const Members& members, std::string_view path) {
  const auto found = members.find(path);
  return found == members.end() ? std::string_view{} : std::string_view{found->second};
}

}  // namespace ask
