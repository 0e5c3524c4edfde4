// Fuzz target: a chunked body, decoded in place however it is cut, against the simple decoder of
// reference.hpp.
#include <cstddef>
#include <span>

#include "../../src/http/framing.hpp"
#include "properties.hpp"

namespace {

using namespace properties;
using What = reference::Chunks::What;

struct Decoded {
  What what = What::partial;
  string payload;
  std::size_t consumed = 0;
  bool operator==(const Decoded&) const = default;
};

// Feeds `text` cut at `ends`, each piece in memory of exactly its size.
Decoded decode(string_view text, http::Sender sender, const std::vector<std::size_t>& ends) {
  http::Framing framing{{http::Body::Kind::chunked, 0}, sender};
  Decoded out;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    const std::size_t size = end - begin;
    const auto piece = std::make_unique<std::byte[]>(size);
    if (size != 0) std::memcpy(piece.get(), text.data() + begin, size);
    require(framing.wanted(4096) == (framing.complete() ? 0 : 4096), "what is wanted is not what may come");
    const http::Framing::Taken taken = framing.take({piece.get(), size});
    require(taken.consumed <= size, "more was taken than was given");
    require(taken.payload <= taken.consumed, "there is more payload than input");
    require(taken.bad || framing.complete() || taken.consumed == size,
            "bytes were left though more are wanted");
    out.payload.append(reinterpret_cast<const char*>(piece.get()), taken.payload);
    out.consumed += taken.consumed;
    if (taken.bad) {
      require(!framing.complete(), "a malformed body is complete");
      out.what = What::bad;
      return out;
    }
    begin = end;
    if (taken.consumed < size) break;
  }
  require(framing.eof_completes() == framing.complete(), "the end of a stream completed a chunked body");
  if (framing.complete()) out.what = What::complete;
  return out;
}

string describe_decoded(const Decoded& decoded) {
  const char* const verdict = decoded.what == What::complete  ? "complete"
                              : decoded.what == What::partial ? "partial"
                                                              : "bad";
  return string{verdict} + ", " + std::to_string(decoded.consumed) + " bytes, payload \"" +
         escaped(decoded.payload) + "\"";
}

void check(string_view text, http::Sender sender) {
  const std::size_t size = text.size();
  const Decoded whole = decode(text, sender, {size});

  const reference::Chunks plain = reference::ChunkReader{text, sender == http::Sender::server}.read();
  // The position at which a malformed body is detected may differ, but not the result, nor the payload
  // before.
  const std::size_t consumed = plain.what == What::bad ? whole.consumed : plain.consumed;
  require_same(describe_decoded(whole), describe_decoded({plain.what, plain.payload, consumed}),
               "the body and what a plain reading of RFC 9112 section 7.1 makes of it");

  std::vector<std::size_t> each;
  for (std::size_t end = 1; end <= size; ++end) each.push_back(end);
  if (size > 0)
    require_same(describe_decoded(decode(text, sender, each)), describe_decoded(whole), "byte by byte");
  for (const std::size_t cut : cuts(text))
    require_same(describe_decoded(decode(text, sender, {cut, size})), describe_decoded(whole), "cut in two");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const string_view text{reinterpret_cast<const char*>(data), size};
  check(text, http::Sender::client);
  check(text, http::Sender::server);
  return 0;
}
