// Faults of a server's response that leave one reading: a row for each lenient row of docs/design.md. They follow from what
// was drawn for the response, so that recorded seeds keep their meaning.
#include <array>

#include "talk.hpp"

namespace sim {
namespace {

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) text.replace(at, what.size(), with);
  return text;
}

std::string plain(std::string head) { return head; }
std::string line_feeds(std::string head) { return replaced(std::move(head), "\r\n", "\n"); }
std::string blanks_before_colon(std::string head) { return replaced(std::move(head), ": ", " \t: "); }
std::string empty_lines(std::string head) { return "\r\n\n" + head; }

std::string repeated_length(std::string head) {
  const std::size_t length = head.find("Content-Length: ");
  return length == std::string::npos ? head : head.insert(length, head.substr(length, head.find("\r\n", length) + 2 - length));
}

std::string listed_length(std::string head) {
  const std::size_t length = head.find("Content-Length: ");
  if (length == std::string::npos) return head;
  const std::size_t value = length + 16, end = head.find("\r\n", length);
  return head.insert(end, "," + head.substr(value, end - value) + " ,");
}

// Before the first field that is for one connection only: as the last of the others.
std::string with_controls(std::string head) {
  const std::size_t at = std::min(head.find("\r\nTransfer-Encoding"), head.find("\r\nConnection"));
  return head.insert(at, "\r\nX-Odd: a\x01" "b\x0b\x7f" "c");
}

std::string version_1_0(std::string head) { return head.replace(0, 8, "HTTP/1.0"); }
std::string icy(std::string head) { return head.replace(0, 8, "ICY"); }

std::string empty_elements(std::string head) {
  return replaced(replaced(std::move(head), "Transfer-Encoding: chunked", "Transfer-Encoding: ,chunked, ,"), "Connection: ", "Connection: ,\t,");
}

std::string spare_encodings(std::string head) {
  if (head.find("Content-Length") != std::string::npos) return head;
  constexpr std::string_view kSpare = "\r\nTransfer-Encoding: identity", kChunked = "\r\nTransfer-Encoding: chunked";
  const std::size_t chunked = head.find(kChunked);
  if (chunked == std::string::npos) return head.insert(head.find("\r\nConnection"), kSpare);
  return head.replace(chunked, kChunked.size(), std::string{kSpare} + "\r\nTransfer-Encoding:\r\nTransfer-Encoding: identity, chunked");
}
std::string no_phrase(std::string head) { return replaced(std::move(head), " Said So\r\n", "\r\n"); }

// Only of a response without a body.
std::string contradictory_lengths(std::string head) {
  return replaced(std::move(head), "\r\nConnection", "\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\nConnection");
}

struct Row {
  Oddity oddity;
  std::string_view name;
  std::string (*change)(std::string head);
  bool interim = false;  // also of a 1xx response and of 101
};

constexpr std::array<Row, 15> kRows{{
    {Oddity::none, "", plain},
    {Oddity::line_feeds, "LF", line_feeds, true},
    {Oddity::blanks_before_colon, "blanks before colons", blanks_before_colon, true},
    {Oddity::repeated_length, "length twice", repeated_length},
    {Oddity::empty_lines, "empty lines first", empty_lines, true},
    {Oddity::listed_length, "a list of lengths", listed_length},
    {Oddity::controls, "control characters", with_controls},
    {Oddity::chunk_blanks, "blanks after chunk sizes", plain},
    {Oddity::chunk_line_feeds, "LF in chunks", plain},
    {Oddity::version_1_0, "HTTP/1.0", version_1_0},
    {Oddity::icy, "ICY", icy},
    {Oddity::empty_elements, "empty elements", empty_elements, true},
    {Oddity::spare_encodings, "spare encodings", spare_encodings},
    {Oddity::no_phrase, "no phrase", no_phrase},
    {Oddity::contradictory_lengths, "contradictory lengths", contradictory_lengths, true},
}};

constexpr bool are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (static_cast<std::size_t>(kRows[i].oddity) != i) return false;
  return true;
}
static_assert(are_in_order());

const Row& row_of(const Ask& ask) { return kRows[static_cast<std::size_t>(oddity_of(ask))]; }

}  // namespace

// Half of the responses have a fault; the first four kinds are the most frequent ones.
Oddity oddity_of(const Ask& ask) {
  constexpr std::size_t kOften = 4, kFurther = kRows.size() - kOften - 1;
  const std::size_t often = ask.answer.cut % 12;
  if (often <= kOften) return kRows[often].oddity;
  if (often > 6) return Oddity::none;
  const Row& row = kRows[1 + kOften + ask.answer.cut / 12 % kFurther];
  const bool applies = has_tunnel(ask) ? row.interim : row.oddity != Oddity::contradictory_lengths || bodiless(ask);
  return applies ? row.oddity : Oddity::none;
}

std::string_view oddity_name(const Ask& ask) { return row_of(ask).name; }

std::string made_odd(const Ask& ask, std::string head) {
  const Row& row = row_of(ask);
  return has_tunnel(ask) && !row.interim ? head : row.change(std::move(head));
}

std::string interim_made_odd(const Ask& ask, std::string head) {
  const Row& row = row_of(ask);
  return row.interim ? row.change(std::move(head)) : head;
}

ChunkForm chunk_form(const Ask& ask) {
  switch (oddity_of(ask)) {
    case Oddity::blanks_before_colon: return {.trailer = "Trailer\t : dropped"};
    case Oddity::controls: return {.extension = ";x=\x01\x7f", .trailer = "Trailer: \x01" "dropped\x0b\x7f"};
    case Oddity::chunk_blanks: return {.extension = "\t  "};
    case Oddity::chunk_line_feeds: return {.extension = "", .end = "\n", .trailer = "Trailer \t:\x02"};
    case Oddity::empty_elements: return {.trailer = "Trailer:\r\nTrailer: \t\xe4 \r\n0: 1"};
    default: return {};
  }
}

}  // namespace sim
