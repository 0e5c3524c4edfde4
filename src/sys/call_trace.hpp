// Notes system calls in the trace, and lets the lens change them.
//
// The calls of sys.hpp that records are made of are defined in call_trace.cpp, which notes each and passes it
// on to the kernel (sys::raw), or to the lens. So both work on the simulated kernel too.
#pragma once
#include <cstdint>
#include <string_view>

#include "../base/trace.hpp"

namespace sys {

class Lens;

// A noted call; an entry's `value` is its result. A new one is added at the end: recordings of earlier
// versions have these numbers.
enum class Call : std::uint8_t {
  accept,   // value: the new descriptor
  connect,  // of a new socket, which is the entry's descriptor
  close,
  receive,       // value: bytes; 0 without an error: end of stream
  transmit,      // value: bytes
  splice_in,     // from a socket into a pipe; value: bytes, as for `receive`
  splice_out,    // from a pipe into a socket; value: bytes
  send_file,     // value: bytes; 0 without an error: end of file
  socket_error,  // value: the socket's pending error
  shutdown_write,
};
inline constexpr std::size_t kCalls = 10;
// The function's name in the manual: "recv".
[[nodiscard]] std::string_view name(Call call) noexcept;

// Notes the calls from now on; null: stops.
void trace_calls(base::Trace* trace) noexcept;

// Passes the calls on to the lens from now on; null: to the kernel. REQUIRES: no socket is watched yet.
void use_lens(Lens* chosen) noexcept;
// True if the lens holds an event of the descriptor back: what the kernel knows is not reported yet.
[[nodiscard]] bool held_by_lens(int fd) noexcept;

}  // namespace sys
