// JSON (RFC 8259) as a tree in which each value knows its line. `json.cpp` uses nlohmann-json; builds without
// it link `nojson.cpp`.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace config {

struct JsonValue {
  enum class Kind : std::uint8_t { null, boolean, number, text, array, object };
  Kind kind = Kind::null;
  std::size_t line = 0;          // of its first byte, from 1
  std::string text;              // decoded; a number or a boolean as written
  std::string key;               // in an object
  std::vector<JsonValue> items;  // of an array or an object, in order; keys may repeat
};

bool has_json() noexcept;

struct JsonError {
  std::size_t line = 0, column = 0;  // from 1; in bytes
  std::string what;                  // empty: no error
};

// Arrays and objects may be nested 32 levels deep; there are at most 20,000 values. REQUIRES: has_json().
JsonError parse_json(std::string_view text, JsonValue& out);

}  // namespace config
