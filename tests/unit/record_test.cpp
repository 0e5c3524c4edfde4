// Record files: written and read again, damaged in every place, of other versions.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "../../src/record/writer.hpp"

namespace {

using base::TraceEntry;
using base::TraceEvent;

using Bytes = std::vector<std::byte>;

using Memory = record::Memory<Bytes>;

constexpr std::string_view kHead =
    "version: 0.1.0\nwall_ms: 1700000000000\nclock_us: 42\nslots: 10\nnew: x\n";

record::Note a_note() {
  record::Note note;
  note.id = 7;
  note.position = 3;
  std::memcpy(note.host.data(), "a.test", 6);
  note.status = 200;
  return note;
}

// A file with each type of block.
Bytes small_file() {
  std::array<TraceEntry, 8> room;
  base::Trace trace{room};
  for (std::uint32_t i = 0; i < 11; ++i) trace.add({.id = i, .slot = 1, .event = TraceEvent::entered});
  Memory out;
  const record::Cell cell{.slot = 1, .id = 10, .state = 2};
  const record::Note note = a_note();
  record::put_file_head(out);
  record::put_text(record::kHeadBlock, kHead, out);
  record::put_text(record::kNamesBlock, "state 2 SEND_REQUEST\nnew 5 x\nwait 1 a b\n", out);
  record::put_notes({&note, 1}, out);
  record::put_entries(trace, trace.oldest(), trace.written(), out);
  record::put_table(trace.written(), {&cell, 1}, out);
  record::put_end(out);
  return out.content;
}

TEST(Crc32c, IsThatOfRfc3720) {
  // RFC 3720, appendix B.4.
  std::array<std::byte, 32> bytes{};
  EXPECT_EQ(record::crc32c(bytes), 0x8a9136aaU);
  bytes.fill(std::byte{0xff});
  EXPECT_EQ(record::crc32c(bytes), 0x62a8ab43U);
  for (unsigned i = 0; i < 32; ++i) bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(record::crc32c(bytes), 0x46dd794eU);
  const std::span<const std::byte> all{bytes};
  EXPECT_EQ(record::crc32c(all.subspan(5), record::crc32c(all.first(5))), 0x46dd794eU);
}

TEST(RecordFile, IsReadAsItWasWritten) {
  record::Recording read;
  ASSERT_EQ(record::read(small_file(), read), "");
  EXPECT_EQ(read.damage, "");
  EXPECT_EQ(read.head.version, "0.1.0");
  EXPECT_EQ(read.head.wall_ms, 1'700'000'000'000U);
  EXPECT_EQ(read.head.clock_us, 42U);
  EXPECT_EQ(read.head.slots, 10U);
  EXPECT_EQ(watch::name_in(read.names.view().states, 2), "SEND_REQUEST");
  EXPECT_EQ(watch::name_in(read.names.view().waits, 1), "a b");
  EXPECT_EQ(watch::name_in(read.names.view().waits, 2), "");
  EXPECT_EQ(read.first, 3U);
  ASSERT_EQ(read.entries.size(), 8U);
  for (std::uint32_t i = 0; i < 8; ++i) EXPECT_EQ(read.entries[i].id, 3 + i);
  ASSERT_EQ(read.notes.size(), 1U);
  EXPECT_EQ(record::text_of(read.notes[0].host), "a.test");
  ASSERT_TRUE(read.has_table);
  ASSERT_EQ(read.table.size(), 1U);
  EXPECT_EQ(read.table[0].state, 2U);
}

TEST(RecordFile, EachTruncationIsReported) {
  const Bytes whole = small_file();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    // A copy of its own, so that a sanitizer sees a read after its end.
    const Bytes cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)};
    record::Recording read;
    const std::string error = record::read(cut, read);
    EXPECT_FALSE(error.empty() && read.damage.empty()) << length;
  }
}

TEST(RecordFile, EachFlippedBitIsReported) {
  const Bytes whole = small_file();
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = whole;
      flipped[i] ^= std::byte{1} << bit;
      record::Recording read;
      const std::string error = record::read(flipped, read);
      EXPECT_FALSE(error.empty() && read.damage.empty()) << i << ", bit " << bit;
    }
}

TEST(RecordFile, WhatIsBeforeTheDamageIsRead) {
  Bytes file = small_file();
  file.resize(file.size() - 20);  // the end, and some of the table
  record::Recording read;
  ASSERT_EQ(record::read(file, read), "");
  EXPECT_EQ(read.entries.size(), 8U);
  EXPECT_FALSE(read.has_table);
  EXPECT_NE(read.damage.find("the file is cut here"), std::string::npos) << read.damage;
}

TEST(RecordFile, UnknownBlocksAreSkipped) {
  Memory out;
  record::put_file_head(out);
  record::put_text(record::block_type("NEW!"), "what later versions write", out);
  record::put_text(record::kHeadBlock, kHead, out);
  record::put_end(out);
  record::Recording read;
  ASSERT_EQ(record::read(out.content, read), "");
  EXPECT_EQ(read.damage, "");
  EXPECT_EQ(read.head.slots, 10U);
}

TEST(RecordFile, AHigherMajorVersionIsRefused) {
  record::FileHead head;
  head.major = record::FileHead::kMajor + 1;
  const auto bytes = std::as_bytes(std::span{&head, 1});
  head.checksum = record::crc32c(bytes.first(12));
  record::Recording read;
  EXPECT_NE(record::read(bytes, read).find("this program reads formats 1 to 2"), std::string::npos);
}

// In format 1 the last byte of an entry was the errno, up to 254.
TEST(RecordFile, AFileOfFormat1IsRead) {
  std::array<TraceEntry, 4> room;
  base::Trace trace{room};
  for (const unsigned error : {0U, 104U, 130U, 255U})
    trace.add({.error = static_cast<std::uint8_t>(error & 127U), .forced = error > 127});
  Memory out;
  record::put_file_head(out);
  record::put_text(record::kNamesBlock, "error_name 104 ECONNRESET\nerror_name 127 EKEYEXPIRED\n", out);
  record::put_entries(trace, 0, 4, out);
  record::put_end(out);
  record::FileHead head;
  head.major = 1;
  head.checksum = record::crc32c(std::as_bytes(std::span{&head, 1}).first(12));
  std::memcpy(out.content.data(), &head, sizeof head);
  record::Recording read;
  ASSERT_EQ(record::read(out.content, read), "");
  EXPECT_EQ(read.damage, "");
  ASSERT_EQ(read.entries.size(), 4U);
  constexpr std::array<unsigned, 4> kErrors{0, 104, 127, 127};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(unsigned{read.entries[i].error}, kErrors[i]);
    EXPECT_EQ(read.entries[i].forced, 0);
  }
  const watch::TraceNames names = read.names.view();
  EXPECT_EQ(watch::name_in(names.error_names, 104), "ECONNRESET");
  EXPECT_EQ(watch::name_in(names.error_names, 127), "") << "it stands for all larger errors here";
}

TEST(RecordFile, OtherFilesAreRefused) {
  record::Recording read;
  for (const std::string_view text : {"", "PXREC", "#!/bin/sh\necho hello\n"})
    EXPECT_NE(record::read(std::as_bytes(std::span{text}), read).find("not a record file"),
              std::string::npos);
}

// A gap between blocks is one entry, and notes keep their place.
TEST(RecordFile, AGapIsOneEntry) {
  std::array<TraceEntry, 16> room;
  base::Trace trace{room};
  for (std::uint32_t i = 0; i < 16; ++i) trace.add({.id = i});
  record::Note before = a_note(), after = a_note();
  before.position = 2;
  after.position = 12;
  Memory out;
  record::put_file_head(out);
  record::put_entries(trace, 0, 4, out);
  record::put_entries(trace, 10, 14, out);
  record::put_notes(std::array{before, after}, out);
  record::put_end(out);
  record::Recording read;
  ASSERT_EQ(record::read(out.content, read), "");
  ASSERT_EQ(read.entries.size(), 9U);
  EXPECT_EQ(read.entries[4].event, TraceEvent::lost);
  EXPECT_EQ(turn_time(read.entries[4]), 6U);
  EXPECT_EQ(read.notes[0].position, 2U);
  EXPECT_EQ(read.notes[1].position, 7U);
  EXPECT_EQ(read.entries[7].id, 12U);
}

// A note takes 312 bytes of memory: of items of one byte, a small file could fill it.
TEST(RecordFile, TooShortItemsAreDamage) {
  for (const std::uint32_t size : {15U, 16U}) {
    Memory out;
    record::put_file_head(out);
    const record::ItemsHead head{0, size, 2};
    const std::string payload = std::string{reinterpret_cast<const char*>(&head), sizeof head} +
                                std::string(std::size_t{2} * size, 'x');
    record::put_text(record::kNotesBlock, payload, out);
    record::put_end(out);
    record::Recording read;
    ASSERT_EQ(record::read(out.content, read), "");
    EXPECT_EQ(read.damage.empty(), size == 16) << read.damage;
    EXPECT_EQ(read.notes.size(), size == 16 ? 2U : 0U);
  }
}

// A file can come from anywhere, and its names are written on a terminal.
TEST(RecordNames, ArePrintable) {
  Memory out;
  record::put_file_head(out);
  record::put_text(record::kNamesBlock, "state 2 \x1b[31mRED\xc2\x9b\nstate 3 plain\n", out);
  record::put_end(out);
  record::Recording read;
  ASSERT_EQ(record::read(out.content, read), "");
  const watch::TraceNames names = read.names.view();
  EXPECT_EQ(watch::name_in(names.states, 2), "\\x1b[31mRED\\xc2\\x9b");
  EXPECT_EQ(watch::name_in(names.states, 3), "plain");
}

TEST(RecordNames, AreThoseOfTheProgram) {
  Memory out;
  record::put_file_head(out);
  record::put_text(record::kNamesBlock, record::names_text(watch::built_in_names()), out);
  record::put_end(out);
  record::Recording read;
  ASSERT_EQ(record::read(out.content, read), "");
  const watch::TraceNames names = read.names.view();
  for (const watch::NameRow& row : watch::kNameRows) {
    const watch::TraceNames::List expected = watch::built_in_names().*row.list;
    EXPECT_FALSE(expected.empty());
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_EQ(watch::name_in(names.*row.list, i), expected[i]) << row.name << ' ' << i;
  }
}

}  // namespace
