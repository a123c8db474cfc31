#pragma once

#include <string>
#include <vector>

#include "agent/pkcs11_access.h"
#include "protocol/private_key.h"

namespace fob {

/// Where a key on a PKCS#11 token is found.
struct Pkcs11Ref {
  std::string module;  ///< resolved path
  std::string uri;     ///< RFC 7512
};

/// What people and PKCS#11 tokens do together.
///
/// What may need a login waits its turn at the module; a signature for which the token is logged in already does not.
/// Of a card nothing is held open between requests: its host ends with each. If the awaiting coroutine is cancelled the
/// host is ended within limits::token_cancel_grace. Threads: the main one only. Errors: those of Pkcs11Access.
class Pkcs11Keys {
 public:
  using Module = Pkcs11Access::Module;
  using Token = Pkcs11Access::Token;

  struct Use {
    PublicKey key;  ///< or a certificate of it
    Pkcs11Ref ref;
    /// "ssh ← git wants to log in as alice." Asked for only where a person may be.
    std::function<std::string()> purpose;
  };
  /// A key of `ssh-add -s`. `login` keeps the PIN that was given.
  struct Loaded {
    Pkcs11Key key;
    std::shared_ptr<void> login;
  };
  /// A module and its tokens, or why there are none.
  struct Listed {
    Module module;
    std::vector<Pkcs11TokenInfo> tokens;
    std::string fault;
  };
  /// The one token that a URI means.
  struct Place {
    Module module;
    Token token;
  };
  struct Found {
    Place place;
    Pkcs11Key key;
  };
  /// A key that opens secrets.
  struct SecretKey {
    PublicKey public_key;
    Pkcs11Ref ref;
    std::string token_title;
  };

  Pkcs11Keys(Pkcs11Modules& modules, std::chrono::seconds pin_cache) : modules_(modules), access_(modules, pin_cache) {}

  /// A signature blob over `data`; `flags` as in SIGN_REQUEST. An RSA signature is verified before it is returned, for
  /// a fault in computing it would give the key away; one of another kind the first time.
  Awaitable<Bytes> sign(Use use, std::uint32_t flags, Bytes data, Asker& asker);
  /// The keys of all tokens of a module, as `ssh-add -s` wants them. The PIN goes to the one token that takes one;
  /// where there are several, to none.
  Awaitable<std::vector<Loaded>> load(std::string path, SecretBytes pin, Asker& asker);
  /// `ssh-add -e`: ends what is logged in. False if nothing was added from there.
  bool unload(const std::string& path);

  Awaitable<std::vector<Listed>> list();
  Awaitable<Place> place_of(std::string uri);
  /// The one key that a URI means; logs in where it is not seen otherwise.
  Awaitable<Found> find(std::string uri, Asker& asker);
  Awaitable<std::vector<Pkcs11Key>> keys(Place place, Asker& asker);
  /// Asks before what is in a slot is overwritten.
  Awaitable<Pkcs11Key> generate(Place place, Pkcs11NewKey wanted, Asker& asker);
  Awaitable<Pkcs11Key> store(Place place, Pkcs11NewKey wanted, PrivateKey key, Asker& asker);
  /// Refused where another key is in its place now; so is attest().
  Awaitable<void> remove(Pkcs11Ref ref, PublicKey key, Asker& asker);
  Awaitable<std::vector<Bytes>> attest(Pkcs11Ref ref, PublicKey key);
  /// The key that `uri` names by object or id, or for a token's URI one that is made there (opens_secrets).
  Awaitable<SecretKey> secret_key(std::string uri, Asker& asker);
  struct OpenedSecret {
    SecretBytes secret;
    bool asked = false;  ///< the token wanted a PIN, which a person typed for this
  };
  /// What the key opens of `sealed` (host::OpenSecret). No PIN that is cached or held is used, no login that is there
  /// already, and none is left.
  Awaitable<OpenedSecret> open_secret(Use use, Bytes sealed, Asker& asker);
  /// Whether the key's token is plugged in. Without PIN; a module that does not work has none.
  Awaitable<bool> is_present(Pkcs11Ref ref);
  /// The first PIN: wants the SO PIN.
  Awaitable<void> set_pin(Place place, Asker& asker);
  Awaitable<void> change_pin(Place place, Asker& asker);
  /// Wants the SO PIN, of a PIV card the PUK.
  Awaitable<void> unblock_pin(Place place, Asker& asker);

 private:
  Awaitable<Bytes> sign_at_once(Module module, const Use& use, std::uint32_t flags, const Bytes& data);
  Awaitable<Bytes> sign_in_turn(Module module, const Use& use, std::uint32_t flags, const Bytes& data, Asker& asker);
  template <class Expected, class Make>
  Awaitable<Expected> run_with_key(Place place, Make make, std::string what, Pkcs11Access::Login& login, bool anew,
                                   Asker& asker);
  Awaitable<Found> find(std::string uri, bool opening, Asker& asker);
  template <class Expected, class Make>
  Awaitable<Expected> run_with_pin(Place place, Make make, std::string what, Asker& asker);
  template <class Make>
  Awaitable<Pkcs11Key> make_key(Place place, Pkcs11NewKey wanted, Make make, Asker& asker);
  Awaitable<std::vector<Loaded>> load_from(Place place, SecretBytes& pin, Asker& asker);
  Awaitable<void> reset_pin(Place place, Asker& asker);
  Awaitable<Place> read_again(Place place);

  Pkcs11Modules& modules_;
  Pkcs11Access access_;
};

}  // namespace fob
