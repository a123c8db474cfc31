#include <fido.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/secret_heap.h"
#include "tokens/fido_token.h"
#include "tokens/host.h"
#include "tokens/pkcs11/module.h"
#include "tokens/sandbox.h"
#include "tokens/sk_middleware.h"

/// fob-token-host: started by fob-agent, one for each FIDO2 token, SK middleware or PKCS#11 module, with the channel to
/// the agent as descriptor 0. Ends with 0 when the agent closes the channel or the token is gone.
namespace fob {
namespace {

constexpr int channel_descriptor = 0;
constexpr int token_descriptor = 3;
constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

/// What is looked up in files or built lazily must be there before the sandbox closes.
void prepare_openssl() {
  // Its configuration names providers to load, and belongs to the machine's administrator, not to a token.
  if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) != 1) throw_openssl_error("starting OpenSSL");
  for (const Hash hash : {Hash::sha256, Hash::sha384, Hash::sha512}) digest_algorithm(hash);
}

/// PKCS#11 modules have OpenSSL as in any other program: what they keep there is theirs, and a signature must not cost
/// more than it has to.
void prepare_libraries() {
  SecretHeap::adopt_openssl();
  prepare_openssl();
  // With it libfido2 writes every frame to stderr.
  unsetenv("FIDO_DEBUG");
  fido_init(0);
}

int serve_fido() {
  sandbox::enter_fido(token_descriptor);
  host::Channel channel(channel_descriptor);
  FidoToken token(token_descriptor, host::watch_over(channel));
  host::serve(channel, host::handler_for(token));
  return 0;
}

int serve_middleware(const std::string& library) {
  sandbox::enter_middleware(STDERR_FILENO, library);
  host::Channel channel(channel_descriptor);
  try {
    SkMiddleware token(library, host::watch_over(channel).touch_wanted);
    host::serve(channel, host::handler_for(token));
  } catch (const Error& error) {
    host::serve_failure(channel, error);
  }
  return 0;
}

int serve_pkcs11(const std::string& library, bool network) {
  sandbox::enter_pkcs11(STDERR_FILENO, network);
  host::Channel channel(channel_descriptor);
  std::optional<pkcs11::Module> module;
  try {
    module.emplace(library, host::progress_on(channel));
  } catch (const Error& error) {
    host::serve_failure(channel, error);
    return 0;
  }
  host::serve_module(channel, host::handler_for(*module), [&] {
    if (module->holds_card() && !channel.has_more()) module->rest();
  });
  return 0;
}

int serve_list(const host::Handler& handler) {
  sandbox::enter_lister(STDERR_FILENO);
  host::Channel channel(channel_descriptor);
  host::serve(channel, handler);
  return 0;
}

int usage() {
  std::cerr << "usage: fob-token-host fido | sk LIBRARY | pkcs11 LIBRARY [network] | pkcs11-modules | readers\n"
               "fob-agent starts it, with their channel as descriptor 0, and a FIDO2 token as descriptor 3\n";
  return exit_usage;
}

int run(int argc, char** argv) {
  // Whatever a token or a module does, it does not outlive the agent.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string kind = arguments.empty() ? "" : arguments[0];
  const bool has_library = arguments.size() > 1 && arguments[1].starts_with('/');
  const bool with_network = arguments.size() == 3 && arguments[2] == "network";
  if (kind == "fido" && arguments.size() == 1) {
    prepare_libraries();
    return serve_fido();
  }
  if (kind == "sk" && arguments.size() == 2) {
    prepare_libraries();
    return serve_middleware(arguments[1]);
  }
  if (kind == "pkcs11" && has_library && (arguments.size() == 2 || with_network)) {
    prepare_openssl();
    return serve_pkcs11(arguments[1], with_network);
  }
  if (kind == "pkcs11-modules" && arguments.size() == 1) return serve_list(host::module_lister());
  if (kind == "readers" && arguments.size() == 1) return serve_list(host::reader_lister());
  return usage();
}

}  // namespace
}  // namespace fob

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return fob::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "fob-token-host: " << error.what() << '\n';
  }
  return fob::exit_failure;
}
