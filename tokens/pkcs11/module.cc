#include "tokens/pkcs11/module.h"

#include <utility>

#include "protocol/error.h"
#include "tokens/pkcs11/connection.h"
#include "tokens/pkcs11/token_info.h"
#include "tokens/pkcs11/verbs.h"

namespace fob::pkcs11 {

struct Module::State {
  Connection connection;

  /// One call: once more where what an earlier one had opened is gone; in the end logged out, unless `stay_logged_in`.
  template <class Work>
  auto run(bool stay_logged_in, Work work) {
    struct Ending {
      Connection& connection;
      bool stay_logged_in;
      ~Ending() { connection.end(stay_logged_in); }
    };
    connection.begin();
    const Ending ending{connection, stay_logged_in};
    try {
      return work(connection);
    } catch (const Error& error) {
      if (!connection.may_be_stale(error)) throw;
    }
    connection.rebuild();
    return work(connection);
  }
};

Module::Module(const std::string& library, Progress progress)
    : state_(new State{Connection(library, std::move(progress))}) {}

Module::~Module() = default;

std::vector<Pkcs11TokenInfo> Module::tokens(const std::string& text) {
  const Uri uri(text);
  return state_->run(false, [&](Connection& connection) {
    // Some modules look for new tokens only when they are initialised.
    if (!connection.anyone_logged_in()) connection.close();
    std::vector<Pkcs11TokenInfo> out;
    for (const SlotToken& token : connection.tokens(uri)) out.push_back(describe(connection.library(), token));
    return out;
  });
}

std::vector<Pkcs11Key> Module::keys(const std::string& uri, const SecretBytes& pin, bool stay_logged_in, bool opening) {
  const Purpose purpose = opening ? Purpose::opening : Purpose::signing;
  return state_->run(stay_logged_in, [&](Connection& connection) { return list_keys(connection, uri, pin, purpose); });
}

Bytes Module::sign(const std::string& uri, ByteView key_blob, std::uint32_t flags, ByteView data,
                   const SecretBytes& pin, bool stay_logged_in) {
  return state_->run(stay_logged_in, [&](Connection& connection) {
    return pkcs11::sign(connection, {uri, key_blob, flags, data, pin});
  });
}

SecretBytes Module::open_secret(const std::string& uri, ByteView key_blob, ByteView sealed, const SecretBytes& pin) {
  return state_->run(false, [&](Connection& connection) {
    return pkcs11::open_secret(connection, {uri, key_blob, sealed, pin});
  });
}

Pkcs11Key Module::generate(const Pkcs11NewKey& wanted, const Pkcs11Secrets& secrets) {
  return state_->run(false, [&](Connection& connection) { return generate_key(connection, wanted, secrets); });
}

Pkcs11Key Module::store(const Pkcs11NewKey& wanted, const PrivateKey& key, const Pkcs11Secrets& secrets) {
  return state_->run(false, [&](Connection& connection) { return store_key(connection, wanted, key, secrets); });
}

void Module::remove(const std::string& uri, ByteView key_blob, const Pkcs11Secrets& secrets) {
  state_->run(false, [&](Connection& connection) { remove_key(connection, uri, key_blob, secrets); });
}

std::vector<Bytes> Module::attest(const std::string& uri, ByteView key_blob) {
  return state_->run(false, [&](Connection& connection) { return attest_key(connection, uri, key_blob); });
}

void Module::change_pin(const std::string& uri, const SecretBytes& old_pin, const SecretBytes& new_pin) {
  state_->run(false, [&](Connection& connection) { pkcs11::change_pin(connection, uri, old_pin, new_pin); });
}

void Module::reset_pin(const std::string& uri, const SecretBytes& unblocking_pin, const SecretBytes& new_pin) {
  state_->run(false, [&](Connection& connection) { pkcs11::reset_pin(connection, uri, unblocking_pin, new_pin); });
}

bool Module::holds_card() const { return state_->connection.holds_card(); }

void Module::rest() { state_->connection.close(); }

}  // namespace fob::pkcs11
