// In place of crypt.cpp, in a build without libcrypt.
#include "crypt.hpp"

namespace plan {

std::unique_ptr<Hasher> make_crypt(CpuClock /*clock*/) { return nullptr; }

}  // namespace plan
