#include <fido.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/secret_heap.h"
#include "tokens/fido_token.h"
#include "tokens/host.h"
#include "tokens/sandbox.h"
#include "tokens/sk_middleware.h"

/// fob-token-host: started by fob-agent, one for each token or SK middleware, with the channel to the agent as
/// descriptor 0. Ends with 0 when the agent closes the channel or the token is gone.
namespace fob {
namespace {

constexpr int channel_descriptor = 0;
constexpr int token_descriptor = 3;
constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

/// What is looked up in files or built lazily must be there before the sandbox closes.
void prepare_libraries() {
  SecretHeap::adopt_openssl();
  // Its configuration names providers to load, and belongs to the machine's administrator, not to a token.
  if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) != 1) throw_openssl_error("starting OpenSSL");
  for (const Hash hash : {Hash::sha256, Hash::sha384, Hash::sha512}) digest_algorithm(hash);
  // With it libfido2 writes every frame to stderr.
  unsetenv("FIDO_DEBUG");
  fido_init(0);
}

int serve_fido() {
  sandbox::enter_fido(token_descriptor);
  host::Channel channel(channel_descriptor);
  FidoToken token(token_descriptor, host::watch_over(channel));
  host::serve(channel, token);
  return 0;
}

int serve_middleware(const std::string& library) {
  sandbox::enter_middleware(STDERR_FILENO, library);
  host::Channel channel(channel_descriptor);
  try {
    SkMiddleware token(library, host::watch_over(channel).touch_wanted);
    host::serve(channel, token);
  } catch (const Error& error) {
    host::serve_failure(channel, error);
  }
  return 0;
}

int run(int argc, char** argv) {
  const std::string_view kind = argc > 1 ? argv[1] : "";
  if (!(kind == "fido" && argc == 2) && !(kind == "sk" && argc == 3)) {
    std::cerr << "usage: fob-token-host fido | sk LIBRARY\n"
                 "fob-agent starts it, with their channel as descriptor 0, and the token as descriptor 3\n";
    return exit_usage;
  }
  prepare_libraries();
  return kind == "fido" ? serve_fido() : serve_middleware(argv[2]);
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
