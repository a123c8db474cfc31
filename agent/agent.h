#pragma once

#include "agent/activity.h"
#include "agent/agent_options.h"
#include "agent/async.h"
#include "agent/keyring.h"
#include "agent/passphrase_lock.h"
#include "agent/pkcs11_keys.h"
#include "agent/prompter.h"
#include "agent/session.h"
#include "agent/token_keys.h"
#include "agent/vault_opener.h"
#include "protocol/request.h"

namespace fob {

/// Answers requests: the rules of the agent, apart from sockets and time.
///
/// Threads: the main one only. One coroutine of answer() per session at a time, any number of sessions.
class Agent {
 public:
  /// What it works with; all of it outlives the agent.
  struct Parts {
    Workers& workers;
    Prompter& prompter;
    Tokens& tokens;
    TokenKeys& token_keys;
    Pkcs11Modules& pkcs11_modules;
    Pkcs11Keys& pkcs11_keys;
    VaultLock& vault_lock;
    VaultOpener& vault_opener;
    Activity& activity;
  };

  Agent(asio::io_context& io, const AgentOptions& options, Parts parts);

  /// The framed reply to one message (without its length word). Never throws for what a client sent: what cannot be
  /// done is FAILURE, and its reason is logged. `message` must stay until then.
  Awaitable<Outgoing> answer(Session& session, ByteView message);

  /// Removes all keys: SIGUSR1, and the end of the agent. Those of the vault stay in it.
  void remove_all_keys();
  /// Called when a client locks the agent (ssh-add -x).
  std::function<void()> on_lock;
  /// Runs expiry and the wiping of rested keys, for as long as the agent lives.
  Awaitable<void> keep_time();

  Keyring& keyring() { return keyring_; }
  const PassphraseLock& lock() const { return lock_; }

 private:
  /// A signature, or why there is none: awaited beside the client's leaving, where exceptions would have to wait.
  struct TokenAttempt {
    Bytes signature;
    std::exception_ptr fault;
  };

  /// Why the vault is not open, if it is not.
  struct OpenAttempt {
    std::exception_ptr fault;
  };

  /// The keys of a PKCS#11 module, or why there are none.
  struct LoadAttempt {
    std::vector<Pkcs11Keys::Loaded> keys;
    std::exception_ptr fault;
  };

  Awaitable<Outgoing> dispatch(Session& session, ByteView message);
  Awaitable<Outgoing> sign(Session& session, const SignRequest& request);
  Awaitable<void> confirm(Session& session, const Keyring::Key& key, std::string purpose);
  Awaitable<void> open_vault(Session& session, const Keyring::Key& key, std::string purpose);
  Awaitable<OpenAttempt> try_to_open_vault(std::string purpose);
  const Keyring::Key* find_again(Session& session, const SignRequest& request);
  Awaitable<Outgoing> sign_on_token(Session& session, const Keyring::Key& key, const SignRequest& request,
                                    std::string host);
  Awaitable<TokenAttempt> try_on_fido_token(TokenKeys::Use use, ByteView data);
  Awaitable<TokenAttempt> try_on_pkcs11_token(Pkcs11Keys::Use use, std::uint32_t flags, ByteView data);
  Awaitable<TokenAttempt> token_attempt(const Keyring::Key& key, const SignRequest& request,
                                        std::function<std::string()> why);
  std::string purpose(Session& session, const SignRequest& request, const std::string& host) const;
  void note_use(Session& session, const Keyring::Key& key, const SignRequest& request, std::string fault);
  void note_refusal(Session& session, ByteView message, const std::string& fault);
  void refuse_if_web(const PublicKey& key, ByteView data) const;
  Awaitable<Outgoing> add(Session& session, AddIdentity request);
  Awaitable<Outgoing> unlock(Session& session, const Unlock& request);
  Awaitable<Outgoing> add_token_keys(Session& session, AddSmartcardKey request);
  Awaitable<LoadAttempt> try_load(std::string path, SecretBytes pin);
  std::vector<Keyring::Key> entries_for(const std::string& path, const Pkcs11Keys::Loaded& loaded,
                                        const Constraints& constraints) const;
  void put_all(Session& session, std::vector<Keyring::Key> entries);
  std::optional<BootClock::time_point> expiry_of(const Constraints& constraints) const;
  Outgoing answer_now(Session& session, const RequestIdentities& request);
  Outgoing answer_now(Session& session, const RemoveIdentity& request);
  Outgoing answer_now(Session& session, const RemoveAllIdentities& request);
  Outgoing answer_now(Session& session, const RemoveSmartcardKey& request);
  Outgoing answer_now(Session& session, const Lock& request);
  Outgoing answer_now(Session& session, const Extension& request);
  /// sign, add, add_token_keys and unlock wait and are not answered at once.
  template <class Waiting>
  Outgoing answer_now(Session&, const Waiting&);

  void bind_session(Route& route, const Extension& request);
  const Keyring::Key& find_visible(Session& session, ByteView key_blob);
  void refuse_if_locked(ByteView message) const;
  void refuse_if_remote(Session& session, const char* what) const;
  void refuse_if_others_key(Session& session, const Keyring::Key& key) const;
  void expire();
  void arm_timer(BootClock::time_point when);

  AgentOptions options_;
  Parts parts_;
  PassphraseLock lock_;
  Keyring keyring_;
  asio::posix::stream_descriptor timer_;  // timerfd on CLOCK_BOOTTIME
  std::optional<BootClock::time_point> timer_at_;
};

}  // namespace fob
