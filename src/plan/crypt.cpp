#include "crypt.hpp"

#include <crypt.h>

namespace plan {
namespace {

class Crypt final : public Hasher {
 public:
  [[nodiscard]] bool knows(const char* setting) const noexcept override {
#if defined(CRYPT_CHECKSALT_AVAILABLE)
    const int verdict = crypt_checksalt(setting);
    return verdict == CRYPT_SALT_OK || verdict == CRYPT_SALT_METHOD_LEGACY;
#else
    crypt_data data{};
    return is_hash(crypt_r("", setting, &data));
#endif
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

  crypt_data data_{};
};

}  // namespace

std::unique_ptr<Hasher> make_crypt() { return std::make_unique<Crypt>(); }

}  // namespace plan
