#include "accept.hpp"

#include <algorithm>

#include "../base/text.hpp"

namespace http {
namespace {

using std::string_view;

// The parts of an element before and after the first semicolon.
string_view take_part(string_view& rest) noexcept {
  const std::size_t semicolon = std::min(rest.find(';'), rest.size());
  const string_view part = base::trimmed(rest.substr(0, semicolon));
  rest.remove_prefix(std::min(semicolon + 1, rest.size()));
  return part;
}

unsigned weight_of(string_view parameters) noexcept {
  while (!parameters.empty()) {
    const string_view parameter = take_part(parameters);
    if (base::equals_ignoring_case(parameter.substr(0, 2), "q=")) return parse_weight(parameter.substr(2));
  }
  return 1000;
}

// How exactly a range means the type: 3 as text/html, 2 as text/*, 1 as */*, 0 not at all.
unsigned exactness(string_view range, string_view type) noexcept {
  if (base::equals_ignoring_case(range, type)) return 3;
  if (range == "*/*") return 1;
  const string_view whole = type.substr(0, type.find('/') + 1);
  return range.ends_with("/*") && base::equals_ignoring_case(range.substr(0, range.size() - 1), whole) ? 2
                                                                                                       : 0;
}

struct Opinion {
  unsigned exactness = 0;  // of the range that decides; 0: none includes the type
  unsigned weight = 0;     // of it, in thousandths
};

// Of equally exact ranges the one with the highest weight decides.
Opinion opinion_of(const Fields& fields, string_view type) noexcept {
  Opinion best;
  for (const Field& field : fields.all()) {
    if (field.id != FieldName::accept) continue;
    for (string_view rest = field.value; !rest.empty();) {
      string_view parameters = base::next_element(rest);
      const unsigned exact = exactness(take_part(parameters), type);
      if (exact == 0 || exact < best.exactness) continue;
      const unsigned weight = weight_of(parameters);
      best.weight = exact > best.exactness ? weight : std::max(best.weight, weight);
      best.exactness = exact;
    }
  }
  return best;
}

}  // namespace

unsigned parse_weight(string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  if (text.size() > 1 && text[1] != '.') return 0;
  unsigned value = text[0] == '1' ? 1000 : 0, place = 100;
  for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (!base::is(c, base::kDigit)) return 0;
    value += static_cast<unsigned>(c - '0') * place;
    place /= 10;
  }
  return value > 1000 ? 0 : value;
}

bool prefers(const Fields& fields, string_view type, string_view other) noexcept {
  const Opinion one = opinion_of(fields, type), two = opinion_of(fields, other);
  return one.weight > two.weight || (one.weight == two.weight && one.weight > 0 && one.exactness == 3);
}

}  // namespace http
