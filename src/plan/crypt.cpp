#include "crypt.hpp"

#include <crypt.h>

#include <algorithm>
#include <string>
#include <unordered_map>

#include "hash_kinds.hpp"
#include "users.hpp"

namespace plan {
namespace {

class Crypt final : public Hasher {
 public:
  explicit Crypt(CpuClock clock) noexcept : clock_(clock) {}

  [[nodiscard]] bool knows(const char* setting) const noexcept override {
#if defined(CRYPT_CHECKSALT_AVAILABLE)
    const int verdict = crypt_checksalt(setting);
    return verdict == CRYPT_SALT_OK || verdict == CRYPT_SALT_METHOD_LEGACY;
#else
    return hash_kind(setting) != nullptr;
#endif
  }

  HashCost cost(const char* setting) noexcept override {
    const HashKind* const kind = hash_kind(setting);
    const auto work = kind == nullptr ? std::nullopt : kind->work(setting);
    if (!work) return {};
    const double us = us_per_work(*kind) * static_cast<double>(*work);
    constexpr double kMost = 1e15;
    return {true, static_cast<std::uint64_t>(std::min(us, kMost)) + 1, kind->password_bytes};
  }

  // yescrypt and scrypt allocate their memory for the time of the call. The other kinds work in `data_`, 32
  // KiB in this object, so that no part of a password stays on the stack.
  std::string_view hash(const char* password, const char* setting) noexcept override {
    const char* const made = crypt_r(password, setting, &data_);
    return is_hash(made) ? std::string_view{made} : std::string_view{};
  }

 private:
  // crypt(5): "*0" and "*1" signal an error.
  static bool is_hash(const char* made) noexcept { return made != nullptr && made[0] != '*'; }

  // Measures once for each kind. The shortest of some runs counts: an interruption makes a run longer.
  double us_per_work(const HashKind& kind) {
    const auto [place, is_new] = measured_.try_emplace(kind.sample, 0.0);
    if (!is_new) return place->second;
    const std::string password(kPasswordBytesMax, 'x');
    std::uint64_t best = UINT64_MAX;
    for (int run = 0; run < 3; ++run) {
      const std::uint64_t began = clock_();
      crypt_r(password.c_str(), kind.sample, &data_);
      best = std::min(best, clock_() - began);
    }
    return place->second = static_cast<double>(best) / static_cast<double>(*kind.work(kind.sample));
  }

  CpuClock clock_;
  crypt_data data_{};
  std::unordered_map<std::string_view, double> measured_;  // by sample
};

}  // namespace

std::unique_ptr<Hasher> make_crypt(CpuClock clock) { return std::make_unique<Crypt>(clock); }

}  // namespace plan
