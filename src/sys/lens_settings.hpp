// What the lens does (lens.hpp); config/lens_text.hpp reads it from --lens.
#pragma once
#include <cstdint>
#include <string>

namespace sys {

// 0: not.
struct LensSettings {
  std::string text;                   // as --lens has it; empty: there is no lens
  std::uint64_t seed = 1;             // the same seed makes the same choices
  std::uint32_t read_max = 0;         // bytes of one read from a socket
  std::uint32_t write_max = 0;        // bytes of one write to a socket
  std::uint32_t again_percent = 0;    // of reads, writes and accepts: EAGAIN
  std::uint32_t intr_percent = 0;     // of these and of waits: interrupted by a signal
  std::uint32_t reset_percent = 0;    // of reads and writes: ECONNRESET
  std::uint32_t delay_ms = 0;         // that each event is held back
  bool shuffle = false;               // the events of a wait have a random order
  std::uint32_t descriptors_max = 0;  // more open descriptors are EMFILE
};

}  // namespace sys
