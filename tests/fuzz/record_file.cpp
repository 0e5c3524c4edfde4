// Fuzz target: record files, read and printed in each way. A checksum would stop nearly all inputs, so each
// is read as it is, and with its checksums made right.
#include <cstring>
#include <memory>
#include <vector>

#include "../../src/record/writer.hpp"
#include "../../src/replay/replay.hpp"
#include "../../src/replay/timeline.hpp"
#include "properties.hpp"

namespace {

using namespace properties;
using record::Recording;

using Bytes = std::span<const std::byte>;

class Nowhere final : public replay::Output {
  bool put(string_view) override { return true; }
};

using Memory = record::Memory<std::vector<std::byte>>;

void put_number(std::byte* at, std::uint32_t number) { std::memcpy(at, &number, sizeof number); }

void mend_checksums(std::span<std::byte> file) {
  constexpr std::size_t kHead = sizeof(record::FileHead),
                        kBlock = sizeof(record::BlockHead) + record::kChecksumBytes;
  if (file.size() < kHead) return;
  put_number(file.data() + offsetof(record::FileHead, checksum),
             record::crc32c(file.first(offsetof(record::FileHead, checksum))));
  for (file = file.subspan(kHead); file.size() >= kBlock;) {
    record::BlockHead head{};
    std::memcpy(&head, file.data(), sizeof head);
    if (head.bytes > file.size() - kBlock) return;
    const std::size_t before = sizeof head + head.bytes;
    put_number(file.data() + before, record::crc32c(file.first(before)));
    file = file.subspan(before + record::kChecksumBytes);
  }
}

void print(const Recording& recording) {
  for (const replay::Format format : {replay::Format::text, replay::Format::chrome, replay::Format::har}) {
    Nowhere out;
    replay::write_recording(recording, {.format = format, .calls = true}, out);
  }
  Nowhere out;
  replay::write_recording(recording, {.table = true}, out);
}

// A table does not depend on the way to it.
void check_tables(const Recording& recording) {
  replay::Timeline there{recording}, back{recording};
  back.at(back.end());
  const std::uint64_t middle = recording.first + recording.entries.size() / 2;
  for (const std::uint64_t position : {middle, recording.first})
    require(replay::Timeline{recording}.at(position) == back.at(position),
            "the table depends on the way to it");
  require(there.at(middle) == back.at(middle), "the table depends on the way to it");
}

// What was read, written and read again, is the same.
void check_written(const Recording& recording) {
  if (!recording.damage.empty() || recording.entries.size() > 2048) return;
  Memory file;
  record::put_file_head(file);
  record::put_notes(recording.notes, file);
  record::put_table(0, recording.table, file);
  record::put_end(file);
  Recording again;
  require(record::read(file.content, again).empty() && again.damage.empty(), "a written file was refused");
  require(again.notes.size() == recording.notes.size(), "notes were lost");
  require(again.table.size() == recording.table.size(), "cells were lost");
}

void check(Bytes file) {
  Recording recording;
  if (!record::read(file, recording).empty()) {
    require(recording.entries.empty() && recording.notes.empty() && recording.table.empty(),
            "an error, and yet there is something in the recording");
    return;
  }
  print(recording);
  check_tables(recording);
  check_written(recording);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of its own, so that a sanitizer sees a read after its end.
  const auto copy = std::make_unique<std::byte[]>(size);
  const std::span<std::byte> file{copy.get(), size};
  if (size != 0) std::memcpy(copy.get(), data, size);
  check(file);
  mend_checksums(file);
  check(file);
  return 0;
}
