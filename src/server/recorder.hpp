// Saves what the event loop did as a record file (SIGUSR2). docs/record-file.md describes the file.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../record/writer.hpp"
#include "../state/worker.hpp"

namespace server {

// The command line for a record file: the options' names without their values, which can be secrets; and the
// port.
std::string public_command(std::span<const char* const> arguments);

// What a record file says of a finished request. `position`: of the next trace entry.
record::Note note_of(const Exchange& exchange, std::uint64_t position) noexcept;

// Keeps notes of the last requests. Writes one file at a time, in parts: the loop goes on meanwhile.
class Recorder {
 public:
  // REQUIRES: both outlive this.
  Recorder(const Worker& worker, std::span<const char* const> arguments)
      : worker_(worker), arguments_(arguments) {}

  // Keeps a note of a finished request; the oldest one makes room.
  void add(const Exchange& exchange);
  // Begins a new file in `folder`, which the owner alone can read; does nothing if one is being written.
  // `reason`: "SIGUSR2". Returns an error message; empty: success.
  std::string begin(std::string_view folder, std::string_view reason);
  [[nodiscard]] bool active() const noexcept { return static_cast<bool>(file_.fd); }
  // Writes the next part, at most 1 MiB of entries; with the last one also the table. Returns what to tell
  // the user once the file is complete or cannot be written; else an empty string. REQUIRES: active.
  std::string write_next();

 private:
  // Appends to the file.
  struct File final : record::Output {
    bool put(std::span<const std::byte> bytes) noexcept override;

    sys::Fd fd;
    int error = 0;  // errno of the write that failed
  };

  [[nodiscard]] std::string head(std::string_view reason) const;
  [[nodiscard]] bool put_notes() noexcept;
  [[nodiscard]] bool put_end() noexcept;

  const Worker& worker_;
  std::span<const char* const> arguments_;
  File file_;
  std::vector<record::Note> notes_;  // a ring buffer once it is full
  std::size_t oldest_note_ = 0;      // its index
  std::string path_;
  unsigned files_ = 0;       // begun so far
  std::uint64_t first_ = 0;  // position of the first entry in the file
  std::uint64_t next_ = 0;   // and of the next one to be written
};

}  // namespace server
