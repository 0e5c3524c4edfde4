#include "spelling.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace base {
namespace {

using std::string_view;

// Levenshtein's distance: how many letters must be added, dropped or changed.
std::size_t distance(string_view a, string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

string_view nearest(string_view name, std::span<const string_view> names, std::size_t most) {
  const auto found = std::min_element(names.begin(), names.end(), [name](string_view a, string_view b) {
    return distance(a, name) < distance(b, name);
  });
  return found != names.end() && distance(*found, name) <= most ? *found : string_view{};
}

}  // namespace base
