// JSON (RFC 8259) as a tree in which each value knows its line. `json.cpp` asks nlohmann-json; `nojson.cpp`
// is linked where that is missing.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace config {

struct JsonValue {
  enum class Kind : std::uint8_t { null, boolean, number, text, array, object };
  Kind kind = Kind::null;
  std::size_t line = 0;          // where it begins, from 1
  std::string text;              // decoded; of a number or a boolean as it is written
  std::string key;               // in an object
  std::vector<JsonValue> items;  // of an array or an object, in their order; keys may come twice
};

bool has_json() noexcept;

struct JsonError {
  std::size_t line = 0, column = 0;  // from 1; in bytes
  std::string what;                  // empty: none
};

// REQUIRES: has_json(). At most 32 arrays and objects may lie in each other.
JsonError parse_json(std::string_view text, JsonValue& out);

}  // namespace config
