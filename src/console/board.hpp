// The pages of the board: which address has which page, and their header fields. docs/board.md describes
// them.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "../record/note_ring.hpp"
#include "../record/writer.hpp"
#include "../state/worker.hpp"
#include "../watch/findings.hpp"
#include "cells.hpp"
#include "heads.hpp"
#include "query.hpp"
#include "record_page.hpp"
#include "shown_file.hpp"
#include "tally.hpp"
#include "viewers.hpp"

namespace console {

// What the board shows besides the worker's records.
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  // µs, monotonic: of this turn.
  [[nodiscard]] virtual std::uint64_t now_us() const noexcept = 0;
  // The position of the trace entry that this turn began with: the entries before it stay as they are.
  [[nodiscard]] virtual std::uint64_t turn_position() const noexcept = 0;
  [[nodiscard]] virtual const watch::FindingLog& findings() const noexcept = 0;
  [[nodiscard]] virtual const record::NoteRing& notes() const noexcept = 0;
  // Writes the next part of a record file to memory. Returns true with the last one.
  virtual bool write_record(record::Output& out, record::Progress& at) const noexcept = 0;
  // Since the program started.
  [[nodiscard]] virtual std::uint64_t uptime_ms() const noexcept = 0;
};

// REQUIRES: `worker` and `with` outlive this.
class Board {
 public:
  Board(Worker& worker, Surroundings& with) noexcept;

  // From now on the pages are about this file: the page, its files, hello, names, and the file itself.
  void show(ShownFile file);
  // The file that is shown; null: this program.
  [[nodiscard]] const ShownFile* shown() const noexcept { return file_ ? &*file_ : nullptr; }
  // Responds to GET or HEAD.
  Pages::Page respond(const http::RequestHead& head, const request_info& viewer);

 private:
  struct Request;
  struct Row;

  Pages::Page page_of(const Request& request);
  Pages::Page front(const Request& request);
  Pages::Page app(const Request& request);
  Pages::Page pac(const Request& request);
  Pages::Page hello(const Request& request);
  Pages::Page names(const Request& request);
  Pages::Page cells(const Request& request);
  Pages::Page steps(const Request& request);
  Pages::Page turns(const Request& request);
  Pages::Page requests(const Request& request);
  Pages::Page slot(const Request& request);
  Pages::Page record(const Request& request);
  Pages::Page doctor(const Request& request);
  Pages::Page metrics(const Request& request);
  Pages::Page health(const Request& request);
  template <class Respond>
  Pages::Page data(const Request& request, const QueryBounds& bounds, Respond respond);
  std::uint64_t read_trace();
  [[nodiscard]] bool is_proxied(const Request& request) const noexcept;
  void fill(CellsHead& head, const Request& request, std::uint64_t turns) const;
  [[nodiscard]] std::optional<sys::Address> forward_listener() const noexcept;

  [[nodiscard]] Pages::Page hello_of_file(const Request& request) const;

  Worker& worker_;
  Surroundings& with_;
  std::uint64_t run_;  // the number of the run ID
  std::shared_ptr<const std::string> names_;
  Cells cells_;
  Tally tally_;
  Viewers viewers_;
  HeadStore heads_;
  RecordPage record_;
  std::optional<ShownFile> file_;
};

}  // namespace console
