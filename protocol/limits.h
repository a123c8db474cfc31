#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

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
/// A confirm dialog that nobody answers is taken down, and the request refused.
inline constexpr std::chrono::seconds prompt_deadline{600};

}  // namespace fob::limits
