// The proxy's own pages: metrics, what the loop doctor finds, and the board.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "../console/board.hpp"
#include "../doctor/doctor.hpp"
#include "../watch/reporter.hpp"
#include "../watch/shared_page.hpp"
#include "admission.hpp"
#include "clock.hpp"
#include "recorder.hpp"
#include "resources.hpp"

namespace server {

class OwnPages final : public Pages, private console::Surroundings {
 public:
  // What the pages are about.
  struct Subjects {
    Resources& resources;
    const Clock& clock;
    const Admission& admission;
    const doctor::Doctor& doctor;
    const watch::Reporter& reporter;
    const Recorder& recorder;
  };

  // REQUIRES: the subjects outlive this.
  explicit OwnPages(const Subjects& of) : of_(of), board_(of.resources.worker, *this) {}

  // The board is about this file from now on.
  void show(console::ShownFile file) { board_.show(std::move(file)); }
  // The file that it is about; null: this program.
  [[nodiscard]] const console::ShownFile* shown() const noexcept { return board_.shown(); }
  // `position`: of the trace entry that this turn began with.
  void begin_turn(std::uint64_t position) noexcept { turn_position_ = position; }
  [[nodiscard]] std::uint64_t turn_position() const noexcept override { return turn_position_; }

  [[nodiscard]] std::shared_ptr<const std::string> metrics(MetricsFormat format) override;
  [[nodiscard]] FindingsPage findings_page(bool json) override;
  [[nodiscard]] Page board_page(const http::RequestHead& head, const request_info& viewer) override {
    return board_.respond(head, viewer);
  }

 private:
  [[nodiscard]] watch::Gauges gauges() const;
  [[nodiscard]] std::uint64_t now_us() const noexcept override { return of_.clock.now_us(); }
  [[nodiscard]] std::uint64_t uptime_ms() const noexcept override { return of_.clock.uptime_ms(); }
  [[nodiscard]] const watch::FindingLog& findings() const noexcept override { return of_.doctor.findings(); }
  [[nodiscard]] const record::NoteRing& notes() const noexcept override { return of_.recorder.notes(); }
  bool write_record(record::Output& out, record::Progress& at) const noexcept override {
    return of_.recorder.write_part("board", out, at);
  }

  Subjects of_;
  console::Board board_;
  std::uint64_t turn_position_ = 0;
  std::array<watch::SharedPage, kMetricsFormats> metrics_pages_;
  std::array<watch::SharedPage, 2> findings_pages_;  // as text, as JSON
  std::array<std::string, 2> findings_fields_;       // of these pages
};

}  // namespace server
