#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/asker.h"
#include "agent/pkcs11_modules.h"
#include "protocol/error.h"

namespace fob {

/// How a request gets to a PKCS#11 token: opening, logging in, waiting. Its users hold the module's gate, but for what
/// needs no login.
///
/// A PIN is sent once for each time that a person typed it, except where the user has it cached (pin_cache) or gave it
/// to `ssh-add -s`; the token's flags are read first, and the last try wants a typed yes. Threads: the main one only.
/// Errors: those of tokens/pkcs11/module.h; refused where the person said no, or another program holds the card;
/// timed_out.
class Pkcs11Access {
 public:
  using Module = Pkcs11Modules::Shared;
  using Token = std::shared_ptr<Pkcs11Token>;

  /// What a person is told while a request runs, and how long it may take.
  struct Wait {
    std::chrono::milliseconds deadline = limits::module_deadline;
    Asker* asker = nullptr;  ///< nullptr: nobody is told
    std::string title;       ///< of the token
    std::string what;        ///< "key ECDSA SHA256:… \n ssh wants to …"
    bool touch_possible = false;
  };
  /// A PIN for one request.
  struct Login {
    SecretBytes pin;    ///< empty: the token takes none from here
    bool stay = false;  ///< the token may stay logged in
    bool asked = false;
    unsigned epoch = 0;  ///< of the token's PIN cache
  };

  Pkcs11Access(Pkcs11Modules& modules, std::chrono::seconds pin_cache) : modules_(modules), pin_cache_(pin_cache) {}

  /// One request and its reply. It is never sent twice.
  template <class Expected, class Request>
  Awaitable<Expected> run(Module module, Request request, Wait wait);

  /// What `uri` matches now. Where a card does not open at once it is found out whether another program holds it; if
  /// not, the module is asked once more with all the time that there is.
  Awaitable<std::vector<Pkcs11TokenInfo>> tokens(Module module, std::string uri);
  /// The one token of a module that a token's or a key's URI means, read anew.
  Awaitable<Token> token_of(Module module, std::string uri);
  /// A PIN at hand, or one that a person types now; where `anew`, only that. The token has just been read.
  Awaitable<Login> login_for(Token token, std::string what, Asker& asker, bool anew = false);
  /// Nothing, unless the next wrong PIN would be the last: then the person is asked.
  Awaitable<void> confirm_last_try(Token token, Asker& asker);
  /// Its login was right: caches what is to be cached.
  void accepted(Token token, const Login& login);
  /// Whether the agent was locked, or the machine slept, since the login was asked for.
  static bool is_outdated(const Pkcs11Token& token, const Login& login) { return login.epoch != token.pin.epoch(); }
  /// A request with a login failed: a PIN that was refused, or of which that is not known, is not sent again.
  void failed(Token token, const Login& login, const Error& error);

 private:
  /// Throws if another program holds a card.
  Awaitable<void> refuse_if_held(bool only_exclusive);

  Pkcs11Modules& modules_;
  std::chrono::seconds pin_cache_;
};

/// A host that was given a PIN which is not to be kept, or has a card open, ends with the request.
class Pkcs11HostEnd {
 public:
  explicit Pkcs11HostEnd(Pkcs11Access::Module module) : module_(std::move(module)) {}
  ~Pkcs11HostEnd() {
    if (module_) module_->client.end_host();
  }
  Pkcs11HostEnd(const Pkcs11HostEnd&) = delete;
  Pkcs11HostEnd& operator=(const Pkcs11HostEnd&) = delete;

  void keep_host() { module_ = nullptr; }

 private:
  Pkcs11Access::Module module_;
};

/// Tells a person about a wait that has lasted for limits::touch_likely, and about a PIN pad at once.
class Pkcs11Announcement {
 public:
  Pkcs11Announcement(asio::io_context& io, const Pkcs11Access::Wait& wait);

  void opened();
  void pin_pad_wanted();

 private:
  struct State {
    State(asio::io_context& io, const Pkcs11Access::Wait& its) : timer(io), wait(its) {}
    asio::steady_timer timer;
    Pkcs11Access::Wait wait;
    std::shared_ptr<void> shown;
  };
  std::shared_ptr<State> state_;
};

template <class Expected, class Request>
Awaitable<Expected> Pkcs11Access::run(Module module, Request request, Wait wait) {
  Pkcs11Announcement announcement(module->io, wait);
  Notices notices;
  notices.opened = [&] { announcement.opened(); };
  notices.pin_pad_wanted = [&] { announcement.pin_pad_wanted(); };
  Expected reply = co_await module->client.request<Expected>(std::move(request), wait.deadline, std::move(notices));
  co_return reply;
}

}  // namespace fob
