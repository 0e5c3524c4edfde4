// Pieces of JSON text.
#pragma once
#include <array>
#include <string>

#include "../base/escape.hpp"

namespace replay {

// Returns a JSON string with its quotes, see base::put_json.
inline std::string json(std::string_view text) {
  std::string room(6 * text.size() + 2, '\0');
  base::Writer out{room};
  base::put_json(out, text);
  room.resize(out.length());
  return room;
}

}  // namespace replay
