// Marks unused pool memory as inaccessible for ASan and valgrind, which see a pool as one allocation. Does
// nothing in a build without them.
#pragma once
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define PROXY_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PROXY_ASAN 1
#endif
#endif

#if defined(PROXY_ASAN)
#include <sanitizer/asan_interface.h>
#elif defined(PROXY_MEMCHECK)
#include <valgrind/memcheck.h>
#endif

namespace base {

// Access to the memory is an error from now on.
inline void poison([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(PROXY_ASAN)
  ASAN_POISON_MEMORY_REGION(memory, bytes);
#elif defined(PROXY_MEMCHECK)
  VALGRIND_MAKE_MEM_NOACCESS(memory, bytes);
#endif
}

// Access is allowed again; the content is undefined.
inline void unpoison([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(PROXY_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
#elif defined(PROXY_MEMCHECK)
  VALGRIND_MAKE_MEM_UNDEFINED(memory, bytes);
#endif
}

}  // namespace base
