// The keys of the configuration file at each level, and where each has an effect.
#pragma once
#include <span>

#include "kinds.hpp"

namespace config {

enum class Level : std::uint8_t { file, listener, server, route, stream, health_check };

// A key, and the kinds of listeners and routes that it has an effect on.
struct FileKey {
  std::string_view name;
  Kinds kinds = kAllBits;
};

// The keys of an object at that level, of `file` those of the options too. Valid until the program ends.
std::span<const FileKey> keys_of(Level level);

// The levels that have this key: "the top level, a server or route"; empty if none has it.
std::string levels_of(std::string_view key);

}  // namespace config
