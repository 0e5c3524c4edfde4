#include "names.hpp"

#include <array>

#include "../../request_state.hpp"
#include "../state/diagnosis.hpp"
#include "../watch/findings.hpp"
#include "json_text.hpp"

namespace console {
namespace {

using List = watch::TraceNames::List;

// In the order of state::Awaited.
constexpr std::array<std::string_view, 7> kAwaitedNames{
    "client_sends", "client_reads", "upstream_sends", "upstream_reads", "attempts", "lanes", "proxy"};

void put_list(JsonText& out, std::string_view name, List list) {
  out.name(name).open('[');
  for (const std::string_view text : list) out.separate().string(text);
  out.close(']');
}

void put_errors(JsonText& out, const watch::TraceNames& names) {
  out.name("errors").open('[');
  for (std::size_t i = 0; i < names.error_names.size(); ++i) {
    out.separate().open('{').member("name", names.error_names[i]);
    out.member("text", watch::name_in(names.error_texts, i)).close('}');
  }
  out.close(']');
}

// A finding that this program does not know has an empty severity and sentence.
void put_findings(JsonText& out, List codes) {
  out.name("findings").open('[');
  for (const std::string_view code : codes) {
    std::string_view severity, sentence;
    for (const watch::FindingRow& row : watch::kFindingRows) {
      if (row.code != code) continue;
      severity = watch::kSeverityNames[static_cast<std::size_t>(row.severity)];
      sentence = row.sentence;
    }
    out.separate().open('{').member("code", code).member("severity", severity);
    out.member("sentence", sentence).close('}');
  }
  out.close(']');
}

void put_transitions(JsonText& out) {
  out.name("transitions").open('[');
  for (const Transition& row : kTransitions) {
    out.separate().open('{').member("from", name(row.from)).member("event", name(row.event));
    out.member("to", name(row.to)).close('}');
  }
  out.close(']');
}

void put_diagnoses(JsonText& out) {
  out.name("diagnosis").open('[');
  for (const state::DiagnosisRow& row : state::kDiagnosisRows) {
    out.separate().open('{').member("state", static_cast<std::uint64_t>(row.state));
    out.member("wait", static_cast<std::uint64_t>(row.wait));
    out.member("awaited", awaited_name(row.awaited));
    out.member("what", row.what).member("end", row.end);
    const bool waits = row.wait != plan::Wait::none;
    out.member("option", waits ? plan::row(row.wait).option : std::string_view{}).close('}');
  }
  out.close(']');
}

}  // namespace

std::string_view awaited_name(state::Awaited awaited) noexcept {
  return kAwaitedNames[static_cast<std::size_t>(awaited)];
}

std::string names_json(const watch::TraceNames& names) {
  JsonText out;
  out.open('{');
  put_list(out, "states", names.states);
  put_list(out, "events", names.events);
  put_list(out, "waits", names.waits);
  out.name("wait_options").open('[');
  for (const plan::WaitRow& row : plan::kWaitRows) out.separate().string(row.option);
  out.close(']');
  put_list(out, "reasons", names.reasons);
  put_list(out, "calls", names.calls);
  put_errors(out, names);
  put_list(out, "trace_events", names.trace_events);
  put_findings(out, names.findings);
  put_transitions(out);
  put_diagnoses(out);
  return out.close('}').take() + '\n';
}

}  // namespace console
