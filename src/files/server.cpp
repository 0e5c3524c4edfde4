#include "server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "../base/text.hpp"
#include "../http/methods.hpp"
#include "../http/status.hpp"
#include "../sys/sys.hpp"
#include "body_sources.hpp"
#include "conditions.hpp"
#include "encodings.hpp"
#include "gzip.hpp"
#include "listing_source.hpp"

namespace files {
namespace {

using base::Reason;
using http::Body;
using std::string;
using std::string_view;
using What = FoundFile::What;

constexpr string_view kAllowed = "Allow: GET, HEAD, OPTIONS\r\n";

Answer refusal(Reason why, string fields = {}) {
  Answer answer;
  answer.status = http::error_reply(why).status;
  answer.fields = std::move(fields);
  answer.reason = why;
  return answer;
}

Answer plain_answer(std::uint16_t status, string fields, const Body& body) {
  Answer answer;
  answer.status = status;
  answer.fields = std::move(fields);
  answer.body = body;
  return answer;
}

// The value of Range; empty if it is missing or repeated.
string_view range_of(const http::Fields& fields) noexcept {
  string_view value;
  for (const http::Field& field : fields.all()) {
    if (field.id != http::FieldName::range) continue;
    if (!value.empty()) return {};
    value = field.value;
  }
  return value;
}

string content_range(const ByteRange& part, std::uint64_t size) {
  return "Content-Range: bytes " + std::to_string(part.first) + '-' +
         std::to_string(part.first + part.length - 1) + '/' + std::to_string(size) + "\r\n";
}

Content content_of(FoundFile& found) {
  if (found.file->content) return {found.file->content, {}};
  return {nullptr, std::move(found.fd)};
}

std::unique_ptr<base::BodySource> pieces(Content content, std::vector<Piece> list) {
  return std::make_unique<PiecesSource>(std::move(content), std::move(list));
}

// Characters allowed by RFC 3986 sections 3.3 and 3.4, and "%" of encoded ones.
constexpr string_view kInPath = "!$&'()*+,;=:@/%", kInQuery = "!$&'()*+,;=:@/?%";

}  // namespace

struct Server::Asked {
  const plan::WebRoute& route;
  const http::RequestHead& head;
  const http::FilePath& path;
  const Finder::Request find;
  const bool to_head;
  const std::int64_t now_s;  // since 1970-01-01 UTC

  // The URL path of the requested directory, with a single "/" at the start, so that it cannot be read as
  // "//host", and one at the end.
  [[nodiscard]] string folder_url() const {
    string_view prefix = route.prefix;
    while (prefix.starts_with('/')) prefix.remove_prefix(1);
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    string url = "/";
    if (!prefix.empty()) url += http::percent_encoded(prefix, kInPath) + '/';
    if (!path.name.empty()) url += http::percent_encoded(path.name, "/") + '/';
    return url;
  }
};

Server::Server(const Bounds& bounds) : finder_(bounds), listings_(bounds.listing_bytes) {
  std::array<std::byte, sizeof boundary_key_> secret;
  sys::random_bytes(secret);
  std::memcpy(&boundary_key_, secret.data(), secret.size());
}

Answer Server::answer(const plan::WebRoute& route, const http::RequestHead& head, const http::FilePath& path,
                      std::uint64_t now_ms, std::uint64_t wall_ms) {
  if (head.method == "OPTIONS") return plain_answer(204, string{kAllowed}, {});
  const bool to_head = head.method == "HEAD";
  Reason why = http::page_objection(head.method);
  if (why != Reason::none)
    return refusal(why, why == Reason::method_not_allowed ? string{kAllowed} : string{});
  const Root* const root = finder_.root(route, now_ms, why);
  if (root == nullptr) return refusal(why);
  const bool accepts = route.compresses() && accepts_gzip(head.fields);
  const Asked asked{.route = route,
                    .head = head,
                    .path = path,
                    .find = {*root, accepts, now_ms, wall_ms},
                    .to_head = to_head,
                    .now_s = static_cast<std::int64_t>(wall_ms / 1000)};
  const std::uint64_t work_before = finder_.work();
  Answer answer = find(asked);
  answer.work = 1 + finder_.work() - work_before;
  return answer;
}

void Server::forget() noexcept {
  finder_.forget();
  listings_.clear();
}

Answer Server::find(const Asked& asked) { return asked.path.slash ? in_folder(asked) : by_name(asked); }

Answer Server::by_name(const Asked& asked) {
  FoundFile found = finder_.find(asked.find, asked.path.name);
  switch (found.what) {
    case What::file: return send(asked, found);
    case What::refused: return refusal(found.why);
    case What::folder: break;
  }
  // The links of the page are relative to the last "/" of the URL.
  string url = "Location: " + asked.folder_url();
  if (!asked.path.query.empty()) (url += '?') += http::percent_encoded(asked.path.query, kInQuery);
  return plain_answer(301, url += "\r\n", {Body::Kind::length, 0});
}

Answer Server::in_folder(const Asked& asked) {
  const string& name = asked.path.name;
  for (const string& index : asked.route.index) {
    string file{name};
    if (!file.empty()) file += '/';
    FoundFile found = finder_.find(asked.find, file.append(index));
    if (found.what == What::file) return send(asked, found);
    if (found.what == What::refused && found.why != Reason::file_not_found) return refusal(found.why);
  }
  const FoundFile found = finder_.open(asked.find, name);
  if (found.what == What::refused) return refusal(found.why);
  if (found.what == What::file) return refusal(Reason::file_not_found);
  if (!asked.route.listing || !found.status.world_readable) return refusal(Reason::file_forbidden);
  return list(asked);
}

Answer Server::list(const Asked& asked) {
  constexpr string_view kType = "text/html";  // the page itself tells its charset
  const bool worth = asked.route.compresses() && has_gzip() && is_compressible(kType, asked.route.gzip_types);
  const string vary = worth ? "Vary: Accept-Encoding\r\n" : "";
  switch (evaluate(asked.head.fields, {}, asked.now_s)) {
    case Condition::failed: return refusal(Reason::precondition_failed);
    case Condition::not_modified: return plain_answer(304, vary, {});  // RFC 9110 section 15.4.5
    case Condition::holds: break;
  }
  Answer answer;
  answer.fields =
      "Content-Type: " + string{kType} + (asked.route.charset.empty() ? "" : "; charset=utf-8") + "\r\n";
  answer.body = http::kUntilEof;
  const bool gzip = worth && asked.find.accepts_gzip && finder_.has_stream();
  if (gzip) answer.fields += "Content-Encoding: gzip\r\n";
  answer.fields += vary;
  if (asked.to_head) return answer;
  const Root& root = asked.find.root;
  answer.source = make_listing_source(listings_,
                                      {.root = root.folder,
                                       .root_id = root.id,
                                       .name = asked.path.name,
                                       .dotfiles = asked.route.dotfiles,
                                       .order = read_listing_order(asked.path.query)},
                                      asked.find.now_ms);
  if (gzip) answer.source = make_gzip(answer.source, asked.route.gzip_level, finder_.ticket());
  return answer.source ? std::move(answer) : refusal(Reason::no_memory);
}

Answer Server::send(const Asked& asked, FoundFile& found) {
  const Representation& file = *found.file;
  const Validators current{file.etag, file.modified_s};
  switch (evaluate(asked.head.fields, current, asked.now_s)) {
    case Condition::failed: return refusal(Reason::precondition_failed);
    case Condition::not_modified: return plain_answer(304, file.validators, {});
    case Condition::holds: break;
  }
  const string_view range = range_of(asked.head.fields);
  // Section 14.2: Range applies to GET only.
  if (range.empty() || asked.to_head || !file.in_ranges ||
      !if_range_holds(asked.head.fields, current, asked.now_s))
    return send_whole(asked, found);
  const Ranges ranges = parse_ranges(range, *file.length);
  switch (ranges.what) {
    case Ranges::What::outside:
      return refusal(Reason::range_not_satisfiable, "Accept-Ranges: bytes\r\nContent-Range: bytes */" +
                                                        std::to_string(*file.length) + "\r\n");
    case Ranges::What::whole: break;
    case Ranges::What::parts:
      // It is undefined whether the coding applies to the parts or to the multipart body.
      if (ranges.parts.size() == 1 || file.coding.empty()) return send_parts(found, ranges.parts);
      break;
  }
  return send_whole(asked, found);
}

Answer Server::send_whole(const Asked& asked, FoundFile& found) {
  const Representation& file = *found.file;
  Answer answer;
  answer.fields = "Content-Type: " + file.type + "\r\n" + file.coding + file.validators;
  if (file.in_ranges) answer.fields += "Accept-Ranges: bytes\r\n";
  answer.body = file.length ? Body{Body::Kind::length, *file.length} : http::kUntilEof;
  if (asked.to_head || file.length == 0U) return answer;
  answer.source = whole_file_source(content_of(found), file.length ? *file.length : found.status.size);
  if (file.length) return answer;
  answer.source = make_gzip(answer.source, asked.route.gzip_level, finder_.ticket());
  return answer.source ? std::move(answer) : refusal(Reason::no_memory);
}

Answer Server::send_parts(FoundFile& found, const std::vector<ByteRange>& parts) {
  const Representation& file = *found.file;
  Answer answer = plain_answer(206, file.coding + file.validators, {Body::Kind::length, 0});
  answer.fields += "Accept-Ranges: bytes\r\n";
  std::vector<Piece> list;
  if (parts.size() == 1) {
    answer.fields += "Content-Type: " + file.type + "\r\n" + content_range(parts[0], *file.length);
    list.push_back({.before = {}, .first = parts[0].first, .length = parts[0].length});
  } else {
    // RFC 9110 section 14.6.
    const base::SipHash hash = base::siphash(boundary_key_, std::to_string(++boundaries_));
    const string boundary = std::to_string(hash.low) + std::to_string(hash.high);
    answer.fields += "Content-Type: multipart/byteranges; boundary=" + boundary + "\r\n";
    for (const ByteRange& part : parts)
      list.push_back({.before = (list.empty() ? "--" : "\r\n--") + boundary + "\r\nContent-Type: " +
                                file.type + "\r\n" + content_range(part, *file.length) + "\r\n",
                      .first = part.first,
                      .length = part.length});
    list.push_back({.before = "\r\n--" + boundary + "--\r\n", .first = 0, .length = 0});
  }
  for (const Piece& piece : list) answer.body.length += piece.before.size() + piece.length;
  answer.source = pieces(content_of(found), std::move(list));
  return answer;
}

std::unique_ptr<base::BodySource> open_whole_file(const string& root, const string& file, Reason& why) {
  const sys::Opened folder = sys::open_directory(root.c_str());
  if (!folder.fd) {
    why = reason_of_errno(folder.error);
    return nullptr;
  }
  FoundFile found = open_served(folder.fd, file.substr(std::min(file.find_first_not_of('/'), file.size())));
  if (found.what != What::file) {
    why = found.what == What::folder ? Reason::file_forbidden : found.why;
    return nullptr;
  }
  return whole_file_source({nullptr, std::move(found.fd)}, found.status.size);
}

}  // namespace files
