// Agent's requests for the keys of PKCS#11 tokens: ssh-add -s and -e (RFC 9987 §4.2.5, §4.4; PROTOCOL.agent §3).

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "agent/agent.h"
#include "agent/destination.h"
#include "agent/log.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "protocol/reply.h"

namespace fob {
namespace {

std::string resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  if (!real) throw Error(Errc::not_found, "no such provider: " + printable(path));
  return real.get();
}

}  // namespace

Awaitable<Outgoing> Agent::add_token_keys(Session& session, AddSmartcardKey request) {
  using namespace asio::experimental::awaitable_operators;
  const std::string path = options_.providers.resolve_library(request.provider, session.route().is_remote());
  if (request.pin.size() > limits::pin_bytes) throw Error(Errc::too_large, "a PIN of that length");
  SecretBytes pin(request.pin);
  auto outcome = co_await (try_load(path, std::move(pin)) || session.gone());
  if (outcome.index() == 1) throw Error(Errc::cancelled, "the client went away while the token was waited for");
  LoadAttempt& attempt = std::get<0>(outcome);
  if (attempt.fault) std::rethrow_exception(attempt.fault);
  if (lock_.locked()) throw Error(Errc::refused, "the agent is locked");
  std::vector<Keyring::Key> entries;
  for (const Pkcs11Keys::Loaded& loaded : attempt.keys) {
    std::vector<Keyring::Key> of_key = entries_for(path, loaded, request.constraints);
    std::move(of_key.begin(), of_key.end(), std::back_inserter(entries));
  }
  if (entries.empty()) {
    throw Error(Errc::not_found, request.constraints.associated_certificates
                                     ? "no key of " + path + " fits the certificates, or there is none"
                                     : "there is no key that SSH can use on the tokens of " + path);
  }
  put_all(session, std::move(entries));
  ++parts_.pkcs11_modules.at(path)->added;
  co_return success();
}

Awaitable<Agent::LoadAttempt> Agent::try_load(std::string path, SecretBytes pin) {
  LoadAttempt out;
  try {
    out.keys = co_await parts_.pkcs11_keys.load(std::move(path), std::move(pin), parts_.prompter);
  } catch (const std::exception&) {
    out.fault = std::current_exception();
  }
  co_return out;
}

/// A key as it is listed: by itself, and once for each certificate of it.
std::vector<Keyring::Key> Agent::entries_for(const std::string& path, const Pkcs11Keys::Loaded& loaded,
                                             const Constraints& constraints) const {
  Keyring::Key plain;
  plain.public_key = loaded.key.public_key;
  plain.comment = loaded.key.label.empty() ? path : loaded.key.label;
  plain.constraints = constraints;
  plain.constraints.associated_certificates.reset();
  plain.expires = expiry_of(constraints);
  plain.module = path;
  plain.uri = loaded.key.uri;
  plain.login = loaded.login;
  std::vector<Keyring::Key> out;
  if (const auto& associated = constraints.associated_certificates) {
    for (const PublicKey& certificate : associated->certificates) {
      if (!certificate.is_certificate() || !equal(certificate.plain_blob(), plain.public_key.blob)) continue;
      out.push_back(plain);
      out.back().public_key = certificate;
    }
    if (associated->certificates_only) return out;
  }
  out.push_back(std::move(plain));
  return out;
}

/// What is new goes again where not all of it fits. A key that is there already gets the new constraints only where the
/// token was given its PIN just now: else anybody could take constraints away with what everybody can read.
void Agent::put_all(Session& session, std::vector<Keyring::Key> entries) {
  std::erase_if(entries, [&](const Keyring::Key& entry) {
    const Keyring::Key* present = keyring_.find(entry.public_key.blob);
    if (present == nullptr) return false;
    refuse_if_others_key(session, find_visible(session, entry.public_key.blob));
    const bool with_pin = entry.login.use_count() > 0;
    return present->module != entry.module || !with_pin;
  });
  std::vector<Bytes> added;
  try {
    for (Keyring::Key& entry : entries) {
      entry.origin = to_bytes(session.route().origin());
      Bytes blob = entry.public_key.blob;
      const bool is_new = keyring_.find(blob) == nullptr;
      keyring_.put(std::move(entry));
      if (is_new) added.push_back(std::move(blob));
    }
  } catch (const Error&) {
    for (const Bytes& blob : added) keyring_.remove(blob);
    throw;
  }
  expire();
  if (const auto next = keyring_.next_expiry()) arm_timer(*next);
}

Outgoing Agent::answer_now(Session& session, const RemoveSmartcardKey& request) {
  // A forwarded client has no say in which of this machine's files are looked at.
  const bool is_remote = session.route().is_remote();
  const std::string path = is_remote ? request.provider : resolved(request.provider);
  std::vector<Bytes> blobs;
  keyring_.all([&](const Keyring::Key& key) {
    if (key.module != path || !visible(key.constraints, session.route())) return true;
    refuse_if_others_key(session, key);
    blobs.push_back(key.public_key.blob);
    return true;
  });
  for (const Bytes& blob : blobs) keyring_.remove(blob);
  // What others have from there goes on, logged in as it is.
  const bool all_gone = keyring_.all([&](const Keyring::Key& key) { return key.module != path; });
  const bool may_unload = all_gone && (!is_remote || !blobs.empty());
  const bool was_added = may_unload && parts_.pkcs11_keys.unload(path);
  if (blobs.empty() && !was_added) throw Error(Errc::not_found, "no keys of " + printable(path) + " are here");
  return success();
}

}  // namespace fob
