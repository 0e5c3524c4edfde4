// The content of a record file (.pxr) in memory. docs/record-file.md describes the file.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../base/trace.hpp"
#include "../watch/trace_names.hpp"

namespace record {

// What the file says about the program that wrote it. Texts are as that program wrote them: they can contain
// any byte.
struct Head {
  unsigned major = 0, minor = 0;  // version of the format
  std::string version;            // of the program: "0.1.0"
  std::string build;              // compiler and libraries of the program
  std::string run_id;             // as in X-Request-Id and in the log
  std::string command;            // command line, without secrets
  std::string reason;             // why the file was written: "SIGUSR2", "crash (SIGSEGV)", "--record"
  std::string lens;               // the faults that were injected; empty: none
  std::uint64_t wall_ms = 0;      // since 1970-01-01 UTC, at the moment of `clock_us`
  std::uint64_t clock_us = 0;     // as `base::turn_time`
  std::uint32_t slots = 0;        // of the table
  std::uint32_t pid = 0;
};

// What the file's numbers mean. The texts are printable.
struct Names {
  std::array<std::vector<std::string_view>, watch::kNameLists> lists;  // in the order of watch::kNameRows
  std::shared_ptr<const std::string> text;                             // which the views are of

  // Valid as long as this.
  [[nodiscard]] watch::TraceNames view() const noexcept {
    watch::TraceNames names;
    for (std::size_t i = 0; i < lists.size(); ++i) names.*watch::kNameRows[i].list = lists[i];
    return names;
  }
};

// One request: at its end, or in progress when the file was written. Texts end at their first zero byte or at
// the end of their array; longer ones are cut. Part of the file, so new members go to the end.
struct Note {
  static constexpr std::uint32_t kNoSlot = base::TraceEntry::kNoSlot;
  // Bits of `flags`.
  enum Flag : std::uint8_t { kReused = 1, kTunnel = 2, kHttp10 = 4, kCut = 8 };

  std::uint64_t id = 0;                      // of the connection, from 1
  std::uint64_t position = 0;                // of the trace entry that follows its end
  std::uint64_t wall_ms = 0;                 // when it began, since 1970-01-01 UTC
  std::uint64_t sent_up = 0, sent_down = 0;  // bytes, heads included
  std::uint32_t nth = 0;                     // number of the request on its connection, from 1
  std::uint32_t slot = kNoSlot;              // of a request in progress; kNoSlot: it has ended
  std::array<std::uint32_t, 5> state_ms{};   // in each State
  std::array<std::uint32_t, 3> phase_ms{};   // in each phase of SEND_REQUEST: resolve, connect, send
  std::uint16_t status = 0;                  // sent to the client; 0: none
  std::uint16_t port = 0;                    // that the client asked for; 0: not known
  std::uint16_t client_port = 0;             // 0: not known
  std::uint8_t client_family = 0;            // 0: not known, 4: IPv4, 6: IPv6, 1: a Unix socket
  std::uint8_t reason = 0;                   // why it ended: base::Reason
  std::uint8_t error = 0;                    // errno; 0: none, 127: above 126
  std::uint8_t phases = 0;                   // bit n: phase n was entered
  std::uint8_t flags = 0;                    // kReused: sent over a reused connection, at least at first;
                                             // kTunnel: opened; kHttp10: the client's; kCut: host or path
  std::uint8_t unused = 0;
  std::array<std::uint8_t, 16> client{};  // address, network order; IPv4 fills the first four bytes
  std::array<char, 16> method{};          // empty: the request could not be parsed
  std::array<char, 8> scheme{};           // "http"; empty: CONNECT or not known
  std::array<char, 64> host{};            // that the client asked for
  std::array<char, 80> path{};            // without query
  std::array<char, 32> trace_id{};        // of W3C Trace Context, if the log has it too
};
static_assert(sizeof(Note) == 312);

// The text in an array of a Note.
template <std::size_t N>
constexpr std::string_view text_of(const std::array<char, N>& room) noexcept {
  const std::string_view all{room.data(), N};
  return all.substr(0, all.find('\0'));
}

// A slot in use, after the last entry. Part of the file, so new members go to the end.
struct Cell {
  static constexpr std::uint32_t kNoTimer = ~std::uint32_t{0};
  // Bits of `client_marks` and `upstream_marks`, see net::Endpoint.
  enum Mark : std::uint8_t { kReadable = 1, kWritable = 2, kFinished = 4, kEof = 8, kHung = 16, kShut = 32 };
  // Bits of `flags`: the queue that it is in, and whether both directions of a tunnel are open.
  enum Flag : std::uint8_t { kReady = 1, kNeedsBlock = 2, kAwaitsShare = 4, kTunneled = 8 };

  std::uint32_t slot = 0;
  std::uint32_t id = 0;      // of the connection, its low half, as in the entries
  std::uint8_t state = 0;    // State
  std::uint8_t wait = 0;     // plan::Wait
  std::uint8_t verdict = 0;  // base::Reason why its next turn ends the request; 0: none
  std::uint8_t flags = 0;
  std::uint8_t client_marks = 0, upstream_marks = 0;
  std::uint8_t client_link = 0, upstream_link = 0;  // net::Link; 0: no connection
  std::uint32_t held_up = 0, held_down = 0;  // bytes read and not sent, to the upstream and to the client
  std::uint32_t in_state_ms = 0;             // since the state was entered, or the request's first byte
  std::uint32_t left_ms = kNoTimer;          // until the timeout; 0: now; kNoTimer: no timer runs
  std::int32_t client_fd = -1, upstream_fd = -1;
  std::uint64_t sent_up = 0, sent_down = 0;  // bytes since the connection was accepted
  std::uint32_t served = 0;                  // requests on the connection before this one
  std::uint32_t unused = 0;
};
static_assert(sizeof(Cell) == 64);

// A whole file.
struct Recording {
  Head head;
  Names names;
  std::vector<Note> notes;                // in the order of their ends; last those in progress
  std::uint64_t first = 0;                // position of entries[0]; entries[i] has the position first + i
  std::vector<base::TraceEntry> entries;  // a gap is one entry, `lost`
  std::vector<Cell> table;                // by slot; slots that are not in it are FREE, if `has_table`
  bool has_table = false;                 // false: the program ended without writing it
  std::string damage;                     // what is wrong with the file; empty: it is whole
};

// Reads a file as far as it is whole, and says in `out.damage` what is wrong with the rest. Returns an error
// message, and then there is nothing in `out`: not a record file, one of a newer major version, or one of a
// machine with another byte order. Empty: success.
std::string read(std::span<const std::byte> file, Recording& out);

}  // namespace record
