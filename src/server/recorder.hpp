// Saves what the event loop did as record files: of the whole run (--record), on SIGUSR2, at a finding of the
// loop doctor, and after a crash.
// docs/record-file.md describes the file.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../record/note_ring.hpp"
#include "../record/writer.hpp"
#include "../state/worker.hpp"

namespace server {

// The command line for a record file: the options' names without their values, which can be secrets; and the
// port.
std::string public_command(std::span<const char* const> arguments);

// The message that `path` is not a regular file, which --record would replace.
std::string no_regular_file(const std::string& path);

// The error if no record file can be created in `folder`; empty: none, also without a folder.
std::string check_record_folder(const std::string& folder);

// Keeps notes of the last requests. Writes in parts: the loop goes on meanwhile.
class Recorder {
 public:
  static constexpr std::uint64_t kFindingPauseMs = 60'000;
  static constexpr std::size_t kFindingFiles = 16;
  static constexpr std::uint64_t kPartEntries = 4 * record::kEntriesInBlock;  // 256 KiB

  // `lens`: --lens at start; empty: none. REQUIRES: `worker` outlives this.
  Recorder(const Worker& worker, std::span<const char* const> arguments, std::string_view lens);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Keeps a note of a finished request; the oldest one makes room.
  void add(const Exchange& exchange);
  // From now on a crash saves a file in `folder`; empty: it does not.
  void save_crash_in(const std::string& folder);

  // Begins the file of the whole run; replaces a regular file that is there. Returns an error message; empty:
  // success.
  std::string begin_run(const std::string& path);
  // Adds to it what is due: whole blocks, and once a second what there is. At most 256 KiB at a time; what
  // the trace has lost meanwhile is a gap. Returns what to tell the user if that fails, and then writes
  // nothing further; else an empty string.
  std::string write_run();
  // Writes the rest and the table. Returns what to tell the user; empty: there is no such file.
  std::string end_run();

  // Begins a new file in `folder`, which the owner alone can read; does nothing if one is being written.
  // `reason`: "SIGUSR2". Returns an error message; empty: success.
  std::string begin(std::string_view folder, std::string_view reason);
  // The same for a finding of severity error, whose `code` is in the file's name; does nothing within
  // `kFindingPauseMs` of the last one. Keeps the last `kFindingFiles` of these files: removes the oldest one,
  // unless another file has taken its place.
  std::string begin_for_finding(std::string_view folder, std::string_view code);
  // Trace entries that are missing in the file of the whole run: they were overwritten before.
  [[nodiscard]] std::uint64_t lost_entries() const noexcept { return run_.lost; }
  // The number of open files.
  [[nodiscard]] std::size_t descriptors() const noexcept {
    return std::size_t{file_.fd.open()} + std::size_t{run_.fd.open()} + std::size_t{crash_.fd.open()};
  }
  // The notes of the last requests.
  [[nodiscard]] const record::NoteRing& notes() const noexcept { return notes_; }
  [[nodiscard]] bool active() const noexcept { return static_cast<bool>(file_.fd); }
  // Writes the next part, at most 1 MiB of entries; with the last one also the table. Returns what to tell
  // the user once the file is complete or cannot be written; else an empty string. REQUIRES: active.
  std::string write_next();

  // Writes a whole file, from the oldest entry to the table, at once: the program does nothing else
  // meanwhile. Returns false if something could not be written.
  bool write_whole(std::string_view reason, record::Output& out) const noexcept;

  // Writes the next part of such a file: at most `most` entries, or the notes, or the rest and the table.
  // What the trace has lost between two parts is a gap. Returns true with the last part; there is one,
  // however fast the trace goes on. REQUIRES: `out` cannot fail; `at` is that of the part before.
  bool write_part(std::string_view reason, record::Output& out, record::Progress& at,
                  std::uint64_t most = kPartEntries) const noexcept;

 private:
  // A file that is being written.
  struct File final : record::Output, record::Progress {
    bool put(std::span<const std::byte> bytes) noexcept override;

    sys::Fd fd;
    int error = 0;  // errno of the write that failed
    std::string path{};
  };

  // A file of a finding.
  struct Kept {
    std::string path;
    sys::FileStatus status;
  };

  static void save_crash(std::string_view signal) noexcept;
  std::string begin_file(std::string_view folder, std::string_view reason, std::string_view ending);
  void remove_oldest();
  bool put_beginning(record::Output& out, std::string_view reason) const noexcept;
  bool put_entries(record::Output& out, record::Progress& at, std::uint64_t most) const noexcept;
  bool put_entries(File& file, std::uint64_t most) const noexcept { return put_entries(file, file, most); }
  bool put_notes(record::Output& out, record::Progress& at) const noexcept;
  bool put_notes_from(std::uint64_t from, record::Output& out) const noexcept;
  bool put_end(record::Output& out, record::Progress& at) const noexcept;
  bool put_end(File& file) const noexcept { return put_end(file, file); }
  bool put_table(std::uint64_t position, record::Output& out) const noexcept;
  [[nodiscard]] std::string failure(File& file) const;

  const Worker& worker_;
  std::string head_;   // the lines of the head that do not change
  std::string names_;  // the block of names
  File file_, run_, crash_;
  record::NoteRing notes_;
  std::uint64_t run_due_ = 0;      // ms
  unsigned files_ = 0;             // begun so far
  std::vector<Kept> kept_;         // the oldest first
  std::uint64_t finding_due_ = 0;  // ms: earlier findings save nothing
};

}  // namespace server
