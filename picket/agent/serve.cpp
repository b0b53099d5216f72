#include "picket/agent/serve.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "picket/agent/internal/dialling.hpp"
#include "picket/log/background_log.hpp"
#include "picket/transport/dns/look_up.hpp"
#include "picket/transport/endpoint.hpp"

namespace picket::agent {

namespace {

/// Those that end a server, in this thread and in all that it starts. Returns them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

constexpr auto token_variable = "PICKET_AGENT_TOKEN";

void add_tls_options(CLI::App& app, ServerOptions& options) {
  app.add_option_function<std::string>(
         "--tls-cert",
         [&options](const std::string& file) {
           options.tls.certificate_file = file;
           options.dial.tls.certificate_file = file;
         },
         "Certificate to serve tls: or grpcs: with, or to show to a proxy that is dialled, then those up to its CA, "
         "PEM")
      ->type_name("FILE");
  app.add_option_function<std::string>(
         "--tls-key",
         [&options](const std::string& file) {
           options.tls.key_file = file;
           options.dial.tls.key_file = file;
         },
         "Its key, PEM, readable for this user or its group only")
      ->type_name("FILE");
  app.add_option_function<std::string>(
         "--tls-client-ca",
         [&options](const std::string& file) {
           options.tls.client_ca_file = file;
           options.tls.client_certificate = transport::tls::ClientCertificate::required;
         },
         "Only serve proxies that show a certificate of a CA in this file, PEM")
      ->type_name("FILE");
  app.add_option("--tls-ca", options.dial.tls.ca_file,
                 "CAs that may have signed the certificate of a proxy that is dialled, PEM; default: the system's")
      ->type_name("FILE");
  app.add_option("--tls-name", options.dial.tls.server_name,
                 "Name in the certificate of a proxy that is dialled; default: the host of --dial")
      ->type_name("NAME");
}

void add_dial_options(CLI::App& app, DialOptions& dial) {
  app.add_option("--dial", dial.proxies,
                 "Proxy to dial, for where it cannot dial the agent: unix:PATH or tls:HOST:PORT; with --insecure "
                 "tcp:HOST:PORT; of a name each address; may be repeated")
      ->type_name("ADDRESS");
  app.add_option("--resolver", dial.resolvers,
                 "Name server to ask for names of proxies, in place of /etc/resolv.conf; may be repeated")
      ->type_name("IP:PORT")
      ->allow_extra_args(false);
  app.add_option("--agent-id", dial.agent_id, "Id to register under; default: the agent's own")->type_name("ID");
  app.add_option(
         "--token-file", dial.token_file,
         fmt::format("File with the secret to register with; default: what the environment has in {}", token_variable))
      ->type_name("FILE");
}

/// Which carriers and files go with the addresses to listen on; whether TLS is spoken at one of them. Throws
/// CLI::ValidationError.
bool check_listening(const ServerOptions& options, transport::ClearText clear_text) {
  bool has_tls = false;
  for (const auto& address : options.listen) {
    const auto read = transport::Endpoint::parse(address, clear_text);
    if (!read) throw CLI::ValidationError("--listen", read.error().detail());
    has_tls = has_tls || read->is_tls();
  }
  const bool has_files = !options.tls.certificate_file.empty() && !options.tls.key_file.empty();
  if (has_tls && !has_files) throw CLI::ValidationError("--listen", "tls: and grpcs: need --tls-cert and --tls-key");
  return has_tls;
}

/// The same of the addresses to dial; whether TLS is spoken at one of them.
bool check_dialling(const DialOptions& dial, transport::ClearText clear_text) {
  bool has_tls = false;
  for (const auto& address : dial.proxies) {
    const auto read = internal::dialled_endpoint(address, clear_text);
    if (!read) throw CLI::ValidationError("--dial", read.error().detail());
    has_tls = has_tls || read->is_tls();
  }
  if (dial.proxies.empty() && !(dial.agent_id.empty() && dial.token_file.empty()))
    throw CLI::ValidationError("--dial", "--agent-id and --token-file go with it");
  if (!has_tls && !(dial.tls.ca_file.empty() && dial.tls.server_name.empty()))
    throw CLI::ValidationError("--dial", "--tls-ca and --tls-name go with tls:HOST:PORT");
  if (const auto problem = transport::dns::Options{.servers = dial.resolvers}.problem())
    throw CLI::ValidationError("--resolver", *problem);
  return has_tls;
}

void check_addresses(const ServerOptions& options) {
  const auto clear_text = options.insecure ? transport::ClearText::allowed : transport::ClearText::refused;
  if (options.listen.empty() && options.dial.proxies.empty())
    throw CLI::RequiredError("--listen, or --dial for an agent that dials its proxy,");
  const bool listens_tls = check_listening(options, clear_text);
  const bool dials_tls = check_dialling(options.dial, clear_text);
  const bool has_any =
      !options.tls.certificate_file.empty() || !options.tls.key_file.empty() || !options.tls.client_ca_file.empty();
  if (has_any && !listens_tls && !dials_tls)
    throw CLI::ValidationError("--listen",
                               "--tls-cert, --tls-key and --tls-client-ca go with tls:IP:PORT and grpcs:IP:PORT");
}

/// Milliseconds; 0 is never.
void add_interval_option(CLI::App& app, const std::string& name, base::Duration& interval, const std::string& words) {
  const auto usual = std::chrono::duration_cast<std::chrono::milliseconds>(interval).count();
  app.add_option_function<std::uint32_t>(
         name, [&interval](std::uint32_t milliseconds) { interval = std::chrono::milliseconds{milliseconds}; }, words)
      ->type_name("N")
      ->default_str(std::to_string(usual));
}

}  // namespace

void add_server_options(CLI::App& app, ServerOptions& options) {
  name_the_unknown(app);
  app.add_option(
         "--listen", options.listen,
         "Address to serve: unix:PATH, grpc+unix:PATH, tls:IP:PORT or grpcs:IP:PORT; with --insecure tcp:IP:PORT or "
         "grpc:IP:PORT; may be repeated")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  add_dial_options(app, options.dial);
  app.add_flag("--insecure", options.insecure,
               "Speak in clear over a network: whoever is on the way can read and answer");
  add_tls_options(app, options);
  app.parse_complete_callback([&options] {
    check_addresses(options);
    const char* const token = std::getenv(token_variable);
    if (token != nullptr && options.dial.token_file.empty()) options.dial.token = token;
  });
  app.add_option("--threads", options.threads, "Threads; 0 is one per core")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  app.add_option_function<std::string>(
         "--socket-mode",
         [&options](const std::string& text) {
           std::size_t read = 0;
           unsigned long mode = 01000;
           try {
             mode = std::stoul(text, &read, 8);
           } catch (const std::exception&) {
             read = 0;
           }
           if (read != text.size() || mode > 0777)
             throw CLI::ValidationError("--socket-mode",
                                        fmt::format("'{}' is no mode: expected octal digits such as 0660", text));
           options.socket.socket_mode = static_cast<mode_t>(mode);
         },
         "Permissions of the socket file")
      ->type_name("OCTAL")
      ->default_str("0600");
  app.add_option("--socket-group", options.socket.socket_group, "Group of the socket file")->type_name("NAME");
  app.add_option("--allow-uid", options.socket.allowed_uids,
                 "User id that may connect, beside root and this process's own; may be repeated")
      ->type_name("UID");
  add_interval_option(app, "--metrics-interval-ms", options.metrics_interval,
                      "How often proxies are told what the agent counts, in milliseconds; 0 is never");
  add_interval_option(app, "--health-interval-ms", options.health_interval,
                      "How often they are told how it is, how busy, and what it uses; 0 is never");
}

int serve_until_signalled(ServerOptions options, const HandlerFactory& factory, const std::string& name) {
  const sigset_t signals = block_signals();

  // Loops log: a standard error that nobody reads must stop neither them nor the end.
  log::BackgroundLog log{STDERR_FILENO, 0, log::prefixed_by(name)};
  if (!options.log) options.log = [&log](std::string_view line) { log.write(0, line); };
  const auto say = options.log;
  Server server{std::move(options), factory};
  if (const auto started = server.start(); !started) {
    say(started.error().detail());
    return 1;
  }
  for (const auto& address : server.addresses()) say(fmt::format("serving on {}", address));
  int signal = 0;
  sigwait(&signals, &signal);
  say("draining");
  server.stop();
  server.wait();
  return 0;
}

void add_loop_options(CLI::App& app, ServerOptions& options) {
  app.add_flag("!--no-busy-polling", options.busy_polling, "Always sleep while waiting, however short waits are");
}

int serve(int argc, char** argv, const HandlerFactory& factory) {
  (void)block_signals();  // a handler may start threads
  const auto info = factory.make()->info();
  CLI::App app{fmt::format("{} {}: an Agent Protocol v2 agent", info.name, info.version)};
  ServerOptions options;
  add_server_options(app, options);
  add_loop_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return serve_until_signalled(std::move(options), factory, info.name);
}

}  // namespace picket::agent
