#include "reply.hpp"

#include <array>

#include "../base/text.hpp"

namespace http {

std::size_t write_answer(base::Reason reason, std::string_view detail, bool to_head, std::string_view date,
                         std::span<char> room) noexcept {
  const base::ReasonRow& why = base::row(reason);
  std::array<char, kAnswerBytesMax - 512> text;
  base::Writer body{text};
  body << std::uint64_t{why.status} << ' ' << base::phrase(why.status) << "\n\n" << why.sentence << '\n';
  if (!detail.empty()) body << detail.substr(0, kAnswerDetailMax) << '\n';

  base::Writer out{room};
  out << "HTTP/1.0 " << std::uint64_t{why.status} << ' ' << base::phrase(why.status) << "\r\nDate: " << date
      << "\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Length: " << std::uint64_t{body.length()}
      << "\r\nConnection: close\r\n\r\n";
  if (!to_head) out << body.view();
  return out.length();
}

}  // namespace http
