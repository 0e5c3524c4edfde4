#include "hash_kinds.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"
#include "users.hpp"

namespace plan {
namespace {

using std::string_view;
using Work = std::optional<std::uint64_t>;

constexpr std::size_t kBcryptBytes = 72, kTraditionalBytes = 8;
constexpr string_view kDigits64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr unsigned kLogMax = 40;  // of a factor 2: enough for "too costly"

// The text between the last "$" of `prefix` and the next one.
string_view first_part(string_view hash, string_view prefix) noexcept {
  hash.remove_prefix(prefix.size());
  return hash.substr(0, hash.find('$'));
}

Work number(string_view digits) noexcept {
  std::uint64_t value = 0;
  if (!base::parse_decimal(digits, value)) return std::nullopt;
  return value;
}

Work fixed(string_view /*hash*/) noexcept { return 1; }

// "$2b$10$": 2 to the power of the cost.
Work bcrypt(string_view hash) noexcept {
  const Work cost = number(first_part(hash, "$2b$"));
  return cost && *cost <= kLogMax ? Work{std::uint64_t{1} << *cost} : std::nullopt;
}

// "$6$rounds=5000$"; without a number 5000. crypt(5): at least 1000 are computed.
Work sha2(string_view hash) noexcept {
  constexpr string_view kRounds = "rounds=";
  const string_view part = first_part(hash, "$6$");
  if (!part.starts_with(kRounds)) return 5000;
  const Work rounds = number(part.substr(kRounds.size()));
  return rounds ? Work{std::max<std::uint64_t>(*rounds, 1000)} : std::nullopt;
}

Work sha1(string_view hash) noexcept { return number(first_part(hash, "$sha1$")); }

// "$y$j9T$": the parameters that crypt_gensalt(3) writes, N and r, with r = 8 or 32.
Work yescrypt(string_view part) noexcept {
  if (part.size() != 3 || part[0] != 'j' || (part[2] != '5' && part[2] != 'T')) return std::nullopt;
  const std::size_t log = kDigits64.find(part[1]);
  if (log > kLogMax) return std::nullopt;  // npos too
  return (part[2] == '5' ? std::uint64_t{8} : 32U) << log;
}
Work plain_yescrypt(string_view hash) noexcept { return yescrypt(first_part(hash, "$y$")); }
Work gost_yescrypt(string_view hash) noexcept { return yescrypt(first_part(hash, "$gy$")); }

// The digit after the prefix is N. Then r = 32 and p = 1 must follow, as crypt_gensalt(3) writes them.
Work scrypt(string_view hash) noexcept {
  const string_view part = first_part(hash, "$7$");
  const std::size_t log = part.empty() ? string_view::npos : kDigits64.find(part[0]);
  if (log > kLogMax || part.substr(1, 10) != "U..../....") return std::nullopt;
  return std::uint64_t{1} << log;
}

// "_J9..": four digits, the lowest first.
Work extended(string_view hash) noexcept {
  if (hash.size() < 5) return std::nullopt;
  std::uint64_t rounds = 0;
  for (std::size_t i = 4; i > 0; --i) {
    const std::size_t digit = kDigits64.find(hash[i]);
    if (digit == string_view::npos) return std::nullopt;
    rounds = rounds << 6 | digit;
  }
  return rounds;
}

// "$md5,rounds=1000$": in addition to 4096.
Work sun_md5(string_view hash) noexcept {
  constexpr string_view kRounds = ",rounds=";
  const string_view part = first_part(hash, "$md5");
  if (!part.starts_with(kRounds)) return 4096;
  const Work rounds = number(part.substr(kRounds.size()));
  return rounds ? Work{4096 + std::min<std::uint64_t>(*rounds, std::uint64_t{1} << kLogMax)} : std::nullopt;
}

constexpr const char* kBcryptSample = "$2b$06$aaaaaaaaaaaaaaaaaaaaaa";
// The traditional kind has no prefix and comes last.
constexpr std::array<HashKind, 15> kKinds{{
    {"$2a$", kBcryptSample, kBcryptBytes, bcrypt},
    {"$2b$", kBcryptSample, kBcryptBytes, bcrypt},
    {"$2x$", kBcryptSample, kBcryptBytes, bcrypt},
    {"$2y$", kBcryptSample, kBcryptBytes, bcrypt},
    {"$1$", "$1$aaaaaaaa$", kPasswordBytesMax, fixed},
    {"$3$", "$3$", kPasswordBytesMax, fixed},
    {"$5$", "$5$rounds=2000$aaaaaaaa$", kPasswordBytesMax, sha2},
    {"$6$", "$6$rounds=2000$aaaaaaaa$", kPasswordBytesMax, sha2},
    {"$7$", "$7$6U..../....aaaaaaaa$", kPasswordBytesMax, scrypt},
    {"$y$", "$y$j75$aaaaaaaa$", kPasswordBytesMax, plain_yescrypt},
    {"$gy$", "$gy$j75$aaaaaaaa$", kPasswordBytesMax, gost_yescrypt},
    {"$md5", "$md5$aaaaaaaa$", kPasswordBytesMax, sun_md5},
    {"$sha1$", "$sha1$2000$aaaaaaaa$", kPasswordBytesMax, sha1},
    {"_", "_J9..aaaa", kPasswordBytesMax, extended},
    {"", "aa", kTraditionalBytes, fixed},
}};

}  // namespace

const HashKind* hash_kind(string_view hash) noexcept {
  const auto found = std::find_if(kKinds.begin(), kKinds.end(),
                                  [hash](const HashKind& kind) { return hash.starts_with(kind.prefix); });
  return found->prefix.empty() && hash.starts_with('$') ? nullptr : &*found;
}

}  // namespace plan
