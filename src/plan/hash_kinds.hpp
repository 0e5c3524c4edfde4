// The kinds of hashes of crypt(5), and how much work their parameters ask for.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace plan {

struct HashKind {
  std::string_view prefix;     // of a stored hash
  const char* sample;          // a cheap setting of this kind, to measure
  std::size_t password_bytes;  // that the hash reads
  // The work of a stored hash: the time is proportional to it. Nothing: unusual parameters.
  std::optional<std::uint64_t> (*work)(std::string_view hash) noexcept;
};

// Null for an unknown kind.
const HashKind* hash_kind(std::string_view hash) noexcept;

}  // namespace plan
