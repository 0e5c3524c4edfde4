// The program: its subcommands, the wiring of the server, and the exit status.
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/ask/doctor.hpp"
#include "src/ask/top.hpp"
#include "src/config/command_line.hpp"
#include "src/config/json.hpp"
#include "src/config/rule_text.hpp"
#include "src/console/shown_file.hpp"
#include "src/explain/explain.hpp"
#include "src/plan/crypt.hpp"
#include "src/replay/input.hpp"
#include "src/replay/replay.hpp"
#include "src/replay/standard_output.hpp"
#include "src/server/check.hpp"
#include "src/server/own_networks.hpp"
#include "src/server/server.hpp"
#include "src/server/streams.hpp"
#include "src/watch/announcement.hpp"
#include "src/watch/diagnostics.hpp"

namespace {

using config::CommandLine;
using watch::print_diagnostics;
using Arguments = std::span<const char* const>;

constexpr int kExitFailed = 1, kExitUsage = 2;

std::string program = "proxy";  // as it was called

int fail(int status, const std::string& message) {
  print_diagnostics(config::renamed(message, program));
  return status;
}

int print_text(std::string_view text) {
  replay::StandardOutput out;
  out.write(config::renamed(std::string{text}, program));
  const std::string error = out.finish();
  return error.empty() ? 0 : fail(kExitFailed, error);
}

void print_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) print_diagnostics(warning);
}

// Runs the server until a signal ends it. `shown`: a record file that the board shows; null: none.
int serve(const plan::Config& config, Arguments arguments, console::ShownFile* shown = nullptr) {
  server::Inherited inherited;
  if (const std::string error = server::inherit(config, inherited); !error.empty())
    return fail(kExitFailed, error);
  sys::Fd poller, signals;
  watch::Reporter::Streams streams;
  if (const std::string error = server::open_descriptors(poller, signals); !error.empty())
    return fail(kExitFailed, error);
  if (const std::string error = server::open_streams(config, streams); !error.empty())
    return fail(kExitFailed, error);
  const server::Capacity capacity = server::capacity_for(config);
  server::Generations generations;
  generations.push_back(server::first_generation(config, capacity.slots));
  server::Resources resources{std::move(poller), capacity, *generations.back()};
  if (!resources.complete())
    return fail(kExitFailed, "cannot reserve memory; lower --buffers or --max-requests");
  server::Server server{resources, generations, std::move(signals), std::move(streams), arguments};
  if (const std::string error = server.listen(std::move(inherited)); !error.empty())
    return fail(kExitFailed, error);
  if (const std::string error = server::read_files(*generations.back()); !error.empty())
    return fail(kExitUsage, error);
  if (const std::string error = server.record(); !error.empty()) return fail(kExitFailed, error);
  print_warnings(config::rule_warnings(config.rules));
  print_warnings(server::start_warnings(*generations.back(), capacity.slots));
  if (shown != nullptr) server.show(std::move(*shown));
  if (const std::string error = server.enter_sandbox(); !error.empty()) return fail(kExitFailed, error);
  if (const std::string error = server.take_over(); !error.empty()) return fail(kExitFailed, error);
  server.announce();
  server.serve();
  return 0;
}

// `proxy explain ...`: prints what would be done with a request.
int explain_request(Arguments arguments) {
  explain::Question question;
  std::vector<const char*> rest;  // the proxy's own options
  if (const std::string error = explain::read_question(arguments, question, rest); !error.empty())
    return fail(kExitUsage, error);
  if (question.help) return print_text(explain::help_text());
  const CommandLine line = explain::parse_options(std::move(rest));
  print_warnings(line.warnings);
  if (line.what == CommandLine::What::wrong) return fail(kExitUsage, line.message);
  if (const std::string error = server::read_host_lists(line.config); !error.empty())
    return fail(kExitUsage, error);
  server::read_own_networks(question.machine);
  return print_text(explain::explain(line.config, question, explain::look_up));
}

// Serves the board of a record file.
int show_file(const replay::Request& request, console::ShownFile file) {
  if (!file.recording.damage.empty()) print_diagnostics(request.path + ": damaged: " + file.recording.damage);
  const std::string place = "127.0.0.1:" + std::to_string(request.port);
  const std::array<const char*, 4> arguments{"--console", place.c_str(), "--access-log", "off"};
  const CommandLine line = config::parse_command_line(arguments);
  return serve(line.config, arguments, &file);
}

// `proxy replay FILE`: shows a record file in a browser, or prints it.
int replay_file(Arguments arguments) {
  replay::Request request;
  if (const std::string error = replay::read_request(arguments, request); !error.empty())
    return fail(kExitUsage, error);
  if (request.help) return print_text(replay::help_text());
  auto bytes = std::make_shared<std::string>();
  if (const std::string error = replay::read_input(request.path, *bytes); !error.empty())
    return fail(kExitFailed, error);
  record::Recording recording;
  if (const std::string error = record::read(std::as_bytes(std::span{*bytes}), recording); !error.empty())
    return fail(kExitFailed, request.path + ": " + error);
  if (request.format == replay::Format::board)
    return show_file(request, {request.path, std::move(bytes), std::move(recording)});
  replay::StandardOutput out;
  const std::string wrong = replay::write_recording(recording, request, out);
  if (const std::string error = out.finish(); !error.empty()) return fail(kExitFailed, error);
  return wrong.empty() ? 0 : fail(kExitFailed, wrong);
}

// The end of a subcommand that asks a running proxy.
int print(const ask::Answer& answer) {
  if (!answer.error.empty()) return fail(answer.status, answer.error);
  return print_text(answer.page) == 0 ? answer.status : ask::Answer::kNoAnswer;
}

// --check: the configuration is valid, and the files that it names can be used.
int print_check(const CommandLine& line) {
  print_warnings(config::rule_warnings(line.config.rules));
  plan::Generation generation{line.config};
  if (const std::string error = server::check(generation); !error.empty()) return fail(kExitUsage, error);
  print_warnings(server::start_warnings(generation, server::capacity_for(line.config).slots));
  return print_text(line.message + "\n");
}

int print_version() {
  const std::string notice = watch::mistake_notice();
  return print_text("proxy " + std::string{plan::kVersion} +
                    (plan::make_crypt(sys::cpu_us) ? ", passwords by libcrypt" : "") +
                    (config::has_json() ? ", files by nlohmann-json\n" : "\n") +
                    (notice.empty() ? "" : notice + "\n"));
}

constexpr std::array<std::pair<std::string_view, int (*)(Arguments)>, 4> kSubcommands{
    {{"explain", explain_request},
     {"replay", replay_file},
     {"doctor", [](Arguments arguments) { return print(ask::ask_doctor(arguments)); }},
     {"top", [](Arguments arguments) { return print(ask::show_top(arguments)); }}}};

}  // namespace

int main(int argc, char** argv) {
  const Arguments all{argv, static_cast<std::size_t>(argc)};
  const Arguments arguments = all.subspan(argc > 0 ? 1 : 0);
  program = config::program_name(argc > 0 ? argv[0] : "");
  for (const auto& [name, run] : kSubcommands)
    if (!arguments.empty() && arguments[0] == name) return run(arguments.subspan(1));
  const CommandLine line = config::parse_command_line(arguments);
  print_warnings(line.warnings);
  switch (line.what) {
    case CommandLine::What::wrong: return fail(kExitUsage, line.message);
    case CommandLine::What::checked: return print_check(line);
    case CommandLine::What::help: return print_text(config::help_text());
    case CommandLine::What::version: return print_version();
    case CommandLine::What::run: return serve(line.config, arguments);
  }
  return kExitFailed;
}
