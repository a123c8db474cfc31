#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "protocol/key_file_limits.h"
#include "protocol/token_limits.h"
#include "protocol/vault_limits.h"

/// Every limit of fob, in one place; docs/architecture.md lists them for people.
namespace fob::limits {

// --- protocol: what one message may hold ---

/// One agent message without its length word (OpenSSH's AGENT_MAX_LEN).
inline constexpr std::size_t message_bytes = 256 * 1024;
/// One mpint of a key or signature: 16,384 bits, OpenSSH's SSHBUF_MAX_BIGNUM.
inline constexpr std::size_t mpint_bytes = 16384 / 8;
inline constexpr unsigned rsa_min_bits = 1024;
inline constexpr unsigned rsa_max_bits = 16384;
/// The public exponent of an RSA key; larger ones only make verifying slow.
inline constexpr unsigned rsa_exponent_max_bits = 64;
/// One session identifier of a session-bind (OpenSSH's AGENT_MAX_SID_LEN).
inline constexpr std::size_t session_id_bytes = 128;
/// Names inside messages: algorithm, extension, curve, service.
inline constexpr std::size_t name_bytes = 256;
/// Principals of one certificate (OpenSSH's SSHKEY_CERT_MAX_PRINCIPALS).
inline constexpr std::size_t certificate_principals = 256;
inline constexpr std::size_t destination_constraints = 1024;
/// Host keys in one hop of a destination constraint.
inline constexpr std::size_t hop_keys = 1024;
inline constexpr std::size_t user_pattern_bytes = 256;
inline constexpr std::size_t associated_certificates = 1024;

// --- control socket: what one message may hold ---

/// One reply without its length word: room for every key that an agent may hold.
inline constexpr std::size_t control_reply_bytes = 64 * 1024 * 1024;
/// Name of a kept key.
inline constexpr std::size_t key_name_bytes = 64;
/// A FIDO2 token's name ("fido:" and a serial number or a device), and any token's serial number.
inline constexpr std::size_t token_id_bytes = 256;
/// Device node, socket or provider.
inline constexpr std::size_t path_bytes = 4096;
/// Comment of a key that is kept.
inline constexpr std::size_t comment_bytes = 1024;
/// Tokens in one list: FIDO2 tokens that are plugged in, and those in the slots of PKCS#11 modules.
inline constexpr std::size_t listed_tokens = 1024;
/// Held and kept keys in one list: twice `keys`.
inline constexpr std::size_t control_listed_keys = 32'768;
/// Services that a kept key was given to.
inline constexpr std::size_t services = 64;
/// Uses of keys that the agent remembers for `fob watch`, and sentences that one list of what is waited for has.
inline constexpr std::size_t remembered_uses = 64;
inline constexpr std::size_t listed_waits = 64;
/// Fewer are guessed, whatever the KDF costs.
inline constexpr std::size_t vault_passphrase_min_bytes = 8;
/// What opens the vault.
inline constexpr std::size_t keyslots = 32;
/// 36 letters of base32 in groups of four.
inline constexpr std::size_t recovery_code_bytes = 44;
/// The vault's file, and so a backup: `keys` of the largest that are kept fit many times over.
inline constexpr std::size_t vault_file_bytes = 60 * 1024 * 1024;
/// A sentence for people: reason, notice, question. A longer one is cut.
inline constexpr std::size_t sentence_bytes = 2048;
/// What a person types: PIN, passphrase, name.
inline constexpr std::size_t typed_bytes = 1024;
/// What `fob` keeps of another program's output (ssh, git), of each of its two streams.
inline constexpr std::size_t program_output_bytes = 1024 * 1024;
/// The text of one file signature (PROTOCOL.sshsig): the largest key, certificate and signature fit.
inline constexpr std::size_t sshsig_text_bytes = 512 * 1024;
inline constexpr std::size_t allowed_signers_bytes = 16 * 1024 * 1024;

// --- agent: what clients may make it hold ---

/// Session binds on one connection (OpenSSH's AGENT_MAX_SESSION_IDS).
inline constexpr std::size_t session_binds = 16;
/// Connections of all users that may connect (the agent's own and root). RLIMIT_NOFILE may be lower: then that rules.
inline constexpr std::size_t sessions = 16'384;
/// Keys in the agent.
inline constexpr std::size_t keys = 16'384;
/// Public parts, comments and constraints of all keys together.
inline constexpr std::size_t keyring_bytes = 64 * 1024 * 1024;
/// Keys in one list answer: OpenSSH's clients fail on more (MAX_AGENT_IDENTITIES).
inline constexpr std::size_t listed_keys = 2048;
/// Bytes of partial requests and unsent replies of all clients together.
inline constexpr std::size_t buffered_bytes = 64 * 1024 * 1024;
/// Descriptors kept free for prompts, the log and accepting one more client.
inline constexpr std::size_t reserved_descriptors = 16;
/// Below this RLIMIT_NOFILE the agent refuses to start: eleven are its own, and two clients must fit (OpenSSH: 10).
inline constexpr std::size_t min_descriptors = 16;
/// Answer of an askpass program.
inline constexpr std::size_t askpass_answer_bytes = 1024;
/// Programs named in a prompt's chain (ssh, git, zsh …).
inline constexpr std::size_t program_chain = 8;
/// Confirm dialogs that may stand open at once; a further request is refused.
inline constexpr std::size_t open_prompts = 16;
/// Keys kept ready for use; the one that has rested longest gives way.
inline constexpr std::size_t ready_keys = 1024;

/// How long an unused key stays ready before it is wiped and only its sealed form remains.
inline constexpr std::chrono::milliseconds ready_key_rest{1000};
/// A wrong unlock passphrase delays its answer by this much more each time, up to `unlock_delay_max`.
inline constexpr std::chrono::milliseconds unlock_delay_step{100};
inline constexpr std::chrono::milliseconds unlock_delay_max{10'000};
/// A token host without work ends after this long.
inline constexpr std::chrono::milliseconds token_host_rest{5'000};
/// A token host that was told to cancel, and has not, is killed.
inline constexpr std::chrono::milliseconds token_cancel_grace{500};
/// Until a card is open: longer means that another program holds it.
inline constexpr std::chrono::milliseconds card_opening{1'700};
/// A PKCS#11 module's answer where nobody is waited for; key generation takes longest.
inline constexpr std::chrono::milliseconds module_deadline{20'000};
/// After this long without answer a card probably waits for a touch; PKCS#11 has no way to say so.
inline constexpr std::chrono::milliseconds touch_likely{1'000};
/// Requests that wait for one PKCS#11 module's login; a further one is refused.
inline constexpr std::size_t module_queue = 1024;
/// What needs neither touch nor PIN: a token answers within milliseconds, or is stuck.
inline constexpr std::chrono::milliseconds token_deadline{8'000};
/// What may wait for a touch; a little longer than a host gives itself (token_request).
inline constexpr std::chrono::milliseconds touch_deadline{token_request + std::chrono::seconds(2)};
/// Key handles of which is remembered whether a token made them, per token and answer.
inline constexpr std::size_t known_handles = 4096;
/// Requests that wait for one token; a further one is refused.
inline constexpr std::size_t gate_queue = 32;
/// `fob` commands that are served at once; further ones wait.
inline constexpr std::size_t control_sessions = 16;
/// `fob watch` is told at least this often, for tokens and keys come and go.
inline constexpr std::chrono::milliseconds watch_period{1'000};
/// A `fob` that has connected and asks nothing.
inline constexpr std::chrono::seconds control_idle{60};
/// After a connection could not be accepted for want of descriptors.
inline constexpr std::chrono::milliseconds accept_pause{100};
/// A confirm dialog that nobody answers is taken down, and the request refused.
inline constexpr std::chrono::seconds prompt_deadline{600};

}  // namespace fob::limits
