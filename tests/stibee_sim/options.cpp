#include "options.hpp"

#include <charconv>
#include <fstream>

#include <CLI/CLI.hpp>

namespace stibee_sim {

namespace {

[[noreturn]] void wrong(const std::string& option, const std::string& value, const std::string& form) {
  throw CLI::ValidationError(option, "\"" + value + "\" should look like " + form);
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::uint64_t whole(const std::string& option, std::string_view text, const std::string& form) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size())
    wrong(option, std::string{text}, form);
  return number;
}

std::chrono::milliseconds duration(const std::string& option, const std::string& text) {
  const std::string form = "100ms, 2s or 1min";
  const auto unit_at = text.find_first_not_of("0123456789");
  const auto number =
      static_cast<std::int64_t>(whole(option, std::string_view{text}.substr(0, unit_at), form));
  const auto unit = unit_at == std::string::npos ? std::string{} : text.substr(unit_at);
  if (unit == "ms") return std::chrono::milliseconds{number};
  if (unit == "s") return std::chrono::seconds{number};
  if (unit == "m" || unit == "min") return std::chrono::minutes{number};
  if (unit == "h") return std::chrono::hours{number};
  if (unit.empty() && number == 0) return std::chrono::milliseconds{0};
  wrong(option, text, form);
}

Rate rate(const std::string& option, const std::string& text) {
  const std::string form = "10/s, 100/min or 5/200ms";
  const auto slash = text.find('/');
  if (slash == std::string::npos) wrong(option, text, form);
  const auto calls = whole(option, std::string_view{text}.substr(0, slash), form);
  auto window = text.substr(slash + 1);
  if (!window.empty() && (window[0] < '0' || window[0] > '9')) window.insert(0, 1, '1');
  const auto length = duration(option, window);
  if (calls == 0 || calls > 1000000 || length.count() == 0) wrong(option, text, form);
  return Rate{static_cast<unsigned>(calls), length};
}

Endpoint4 address(const std::string& option, const std::string& text) {
  const std::string form = "127.0.0.1:0";
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) wrong(option, text, form);
  const auto port = whole(option, std::string_view{text}.substr(colon + 1), form);
  if (port > 65535) wrong(option, text, form);
  return Endpoint4{text.substr(0, colon), static_cast<std::uint16_t>(port)};
}

ListSetup& list_named(Setup& setup, const std::string& option, const std::string& id) {
  for (ListSetup& list : setup.lists) {
    if (list.id == id) return list;
  }
  throw CLI::ValidationError(option, "there is no --list " + id);
}

struct Given {
  std::vector<std::string> keys, lists, groups, fields, webhooks, switches;
  std::string listen = "127.0.0.1:0", control, rate = "10/s", bulk = "10/min", list = "100/min",
              other = "1000/min";
  std::string prefix = "/v1,/v2", latency = "0", jitter = "0", idle = "60s";
};

void add_options(CLI::App& app, Given& given, Options& options) {
  const auto add_repeated = [&app](const char* name, std::vector<std::string>& values, const char* help) {
    app.add_option(name, values, help)->allow_extra_args(false);
  };
  app.add_option("--listen", given.listen, "address and port to listen on; port 0 takes a free one")
      ->capture_default_str();
  app.add_option("--control-listen", given.control, "a second, plain listener for the control API alone");
  app.add_flag("--plain", options.plain, "HTTP instead of HTTPS (loopback only)");
  const std::map<std::string, ServerCertificate> kinds{{"good", ServerCertificate::Good},
                                                       {"wrong-host", ServerCertificate::WrongHost},
                                                       {"expired", ServerCertificate::Expired},
                                                       {"not-yet", ServerCertificate::NotYet},
                                                       {"untrusted", ServerCertificate::Untrusted}};
  app.add_option("--certificate", options.certificate, "the certificate to show (default: good)")
      ->transform(CLI::CheckedTransformer(kinds, CLI::ignore_case))
      ->option_text("good|wrong-host|expired|not-yet|untrusted");
  add_repeated("--host", options.hosts, "a further host name or address in the certificate; repeat for more");
  app.add_option("--write-ca", options.write_ca, "write the authority's certificate (PEM) to this file");
  app.add_option("--keep-ca", options.keep_ca,
                 "keep the authority with its key in this file, and use it again");
  app.add_option("--port-file", options.port_file, "write the bound port to this file when ready");
  app.add_option("--record", options.record,
                 "append each v2 call with its answer to this file, a line of JSON each; keys are left out");
  add_repeated("--key", given.keys, "an API key that is accepted (default: sim-key); repeat for more");
  add_repeated("--list", given.lists, "a list id (default: 1234); repeat for more");
  add_repeated("--group", given.groups, "LIST:ID[:NAME], a group; repeat for more");
  add_repeated("--field", given.fields,
               "TAG[:date|:datetime], a field of every list (default: name, phone); repeat for more");
  app.add_flag("--any-field", options.setup.any_field, "take every tag for a field of the list");
  add_repeated("--webhook", given.webhooks,
               "LIST=URL (http://HOST:PORT/PATH), where its events go; repeat for more");
  app.add_option("--latency", given.latency, "time from a call to its answer; it applies half-way");
  app.add_option("--jitter", given.jitter, "random addition to the latency, up to this");
  app.add_option("--rate", given.rate, "v1 limit")->capture_default_str();
  app.add_option("--v2-bulk-rate", given.bulk, "v2 limit of bulk adds")->capture_default_str();
  app.add_option("--v2-list-rate", given.list, "v2 limit of list reads")->capture_default_str();
  app.add_option("--v2-other-rate", given.other, "v2 limit of every other call")->capture_default_str();
  app.add_option("--api-prefix", given.prefix, "paths of v1 and v2")->capture_default_str();
  app.add_option("--idle-timeout", given.idle, "close a connection idle for so long")->capture_default_str();
  app.add_option("--requests-per-connection", options.requests_per_connection,
                 "close a connection after so many calls; 0: never")
      ->capture_default_str();
  app.add_option("--seed", options.setup.seed, "seed of everything random")->capture_default_str();
  add_repeated("--switch", given.switches, "NAME=VALUE, how an unknown of Stibee is to be; repeat for more");
  app.add_option("--faults", options.faults_file, "a file with a fault plan (JSON) to start with");
}

void read_lists(const Given& given, Setup& setup) {
  for (const auto& id : given.lists) {
    if (!all_digits(id)) wrong("--list", id, "1234");
    setup.lists.push_back(ListSetup{id, {}, {}});
  }
  if (setup.lists.empty()) setup.lists.push_back(ListSetup{"1234", {}, {}});
  for (const auto& text : given.groups) {
    const auto first = text.find(':');
    if (first == std::string::npos) wrong("--group", text, "1234:77:gold");
    const auto second = text.find(':', first + 1);
    GroupSetup group;
    group.id = whole("--group", std::string_view{text}.substr(first + 1, second - first - 1), "1234:77:gold");
    if (second != std::string::npos) group.name = text.substr(second + 1);
    list_named(setup, "--group", text.substr(0, first)).groups.push_back(std::move(group));
  }
  for (const auto& text : given.webhooks) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) wrong("--webhook", text, "1234=http://127.0.0.1:9465/webhook/SECRET");
    list_named(setup, "--webhook", text.substr(0, equals)).webhook_url = text.substr(equals + 1);
  }
}

void read_fields(const Given& given, Setup& setup) {
  if (!given.fields.empty()) setup.fields.clear();
  for (const auto& text : given.fields) {
    const auto colon = text.find(':');
    const auto kind = colon == std::string::npos ? std::string{} : text.substr(colon + 1);
    Field field;
    field.tag = text.substr(0, colon);
    if (kind == "date") field.kind = FieldKind::Date;
    if (kind == "datetime") field.kind = FieldKind::DateTime;
    if (field.tag.empty() ||
        (colon != std::string::npos && field.kind == FieldKind::Text && kind != "text")) {
      wrong("--field", text, "name, birthday:date or joined:datetime");
    }
    setup.fields.push_back(std::move(field));
  }
}

void read_given(const Given& given, Options& options) {
  Setup& setup = options.setup;
  options.listen = address("--listen", given.listen);
  if (!given.control.empty()) options.control_listen = address("--control-listen", given.control);
  if (!given.keys.empty()) setup.keys = given.keys;
  read_lists(given, setup);
  read_fields(given, setup);
  setup.v1 = rate("--rate", given.rate);
  setup.v2_bulk = rate("--v2-bulk-rate", given.bulk);
  setup.v2_list = rate("--v2-list-rate", given.list);
  setup.v2_other = rate("--v2-other-rate", given.other);
  options.latency = duration("--latency", given.latency);
  options.jitter = duration("--jitter", given.jitter);
  options.idle_timeout = duration("--idle-timeout", given.idle);
  const auto comma = given.prefix.find(',');
  if (comma == std::string::npos) wrong("--api-prefix", given.prefix, "/v1,/v2");
  setup.v1_prefix = given.prefix.substr(0, comma);
  setup.v2_prefix = given.prefix.substr(comma + 1);
  for (const auto& text : given.switches) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) wrong("--switch", text, "v1_error_keys=lower");
    options.switches.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
}

std::string footer() {
  return R"(When it is ready, one line of JSON goes to standard output:
  {"event":"ready","scheme":"https","address":"127.0.0.1","port":43211,"control_port":0}
It runs until SIGTERM, SIGINT or POST /_sim/shutdown, and then exits 0.

Control API (never counted as calls; on the main listener, and on --control-listen):
  GET  /_sim/dump[?list=ID][&times=no]    the lists, people sorted by address, one a line
  GET  /_sim/journal[?from=N][&limit=N][&addresses=no]
  GET  /_sim/stats                        calls, violations, repeated people, concurrency
  GET  /_sim/switches, POST /_sim/switches   {"NAME":"VALUE"}
  POST /_sim/faults                       {"seed":1,"rules":[…],"script":{"v1.subscribe":["ok","503","drop_after"]}}
  POST /_sim/people                       an edit in the web page, {"list":"1234","action":"unsubscribe","emails":[…]}
  POST /_sim/webhooks                     {"1234":"http://127.0.0.1:9465/webhook/SECRET"}
  POST /_sim/reset                        {"only":["people","journal","stats","faults","switches"]}, or all
  POST /_sim/shutdown

Switches, the first value is the default:
)" + describe_switches();
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  CLI::App app{
      "stibee-sim: a stand-in for Stibee's address book API, v1 and v2, for tests and demonstrations",
      "stibee-sim"};
  Options options;
  Given given;
  add_options(app, given, options);
  app.footer(footer());
  try {
    app.parse(argc, argv);
    read_given(given, options);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 64;
    return std::nullopt;
  }
  return options;
}

}  // namespace stibee_sim
