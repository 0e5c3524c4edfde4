// Core dumps (core(5)): where they are written, and what they contain.
#pragma once
#include <cstddef>
#include <string>

namespace sys {

// The directory of core files; empty: the limit is 0 (ulimit -c), or another program gets them.
std::string core_folder();
// Keeps this memory out of core dumps (MADV_DONTDUMP): it has what clients and servers send, their
// credentials too. A debugger that is attached still sees it. REQUIRES: whole pages; null: nothing to do.
void omit_from_core(std::byte* memory, std::size_t bytes) noexcept;

}  // namespace sys
