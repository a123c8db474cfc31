#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/control_token_requests.h"
#include "protocol/private_key.h"

/// What `fob` asks about single keys; see control_request.h.
namespace fob::control {

struct ListKeys {
  static ListKeys read(Reader&) { return {}; }
  void write(Writer&) const {}
};
/// Where in a PIV card a key goes, and how it may be used; numbers as in tokens/pkcs11_token.h.
struct PivPlace {
  std::string slot;  ///< "9a"; empty: the token has no slots
  std::uint8_t pin_policy = 0;
  std::uint8_t touch_policy = 0;

  static PivPlace read(Reader& in);
  void write(Writer& out) const;
};
/// Generates a key in the vault or on a token, and keeps it, or what is needed to use it, under `name`.
struct NewKey {
  std::string name;             ///< letters, digits, '.', '_', '-'; at most limits::key_name_bytes
  TokenName on;                 ///< or "vault"; empty: the FIDO2 token that is plugged in, else the vault
  std::optional<KeyKind> kind;  ///< nothing: what suits the place
  std::uint32_t rsa_bits = 0;   ///< of RSA keys; 0: not said
  std::string comment;
  std::string application;  ///< of sk keys: "ssh:" or "ssh:…"
  std::string user;         ///< of a resident credential
  Bytes challenge;          ///< for the attestation of an sk key; empty: random
  bool resident = false;
  bool verify_required = false;
  bool no_touch = false;
  bool confirm = false;               ///< each use is to be confirmed by a person
  std::vector<std::string> services;  ///< where its public key is given: check_services
  PivPlace piv;
  bool replace = false;  ///< what is in its place may be overwritten: a resident credential, a PIV slot

  static NewKey read(Reader& in);
  void write(Writer& out) const;
};
/// Keeps a private key that another tool made: an sk key as it is (a key handle, not a secret number), any other in the
/// vault, or on the PKCS#11 token `on`.
struct ImportKey {
  std::string name;
  std::string comment;
  PrivateKey key;
  TokenName on;  ///< empty: not on a token
  bool confirm = false;
  std::vector<std::string> services;
  PivPlace piv;
  bool replace = false;

  static ImportKey read(Reader& in);
  void write(Writer& out) const;
};
/// Keeps a key that is on a PKCS#11 token already.
struct AdoptKey {
  std::string name;
  std::string comment;  ///< empty: the key's label
  std::string uri;      ///< must match one key

  static AdoptKey read(Reader& in);
  void write(Writer& out) const;
};
struct ExportKey {
  std::string name;

  static ExportKey read(Reader& in);
  void write(Writer& out) const;
};
/// Forgets a kept key; `from_token` also deletes it from the token that stores it. A key in the vault is gone then: the
/// agent asks first, unless `sure`.
struct RemoveKey {
  std::string name;
  bool from_token = false;
  bool sure = false;

  static RemoveKey read(Reader& in);
  void write(Writer& out) const;
};
/// Changes what is said of a kept key; the key stays. Nothing in it: left as it is. Answered with Keys, that one.
struct ChangeKey {
  std::string name;
  std::string new_name;                ///< empty: the same; refused where another key has it
  std::optional<std::string> comment;  ///< an empty one is a comment, too
  std::vector<std::string> given_to;   ///< services that join those noted: check_services

  static ChangeKey read(Reader& in);
  void write(Writer& out) const;
};
/// What the token says of a kept key's origin.
struct AttestKey {
  std::string name;

  static AttestKey read(Reader& in);
  void write(Writer& out) const;
};

/// Throws Error{Errc::malformed} unless `name` can name a kept key: 1 to limits::key_name_bytes letters, digits, '.',
/// '_' and '-', not beginning with '.' or '-', so that it is a file name and no option.
void check_key_name(std::string_view name);

/// Names of services: at most limits::services, each 1 to limits::name_bytes printable octets. Throws malformed,
/// too_large.
void check_services(const std::vector<std::string>& services);
std::vector<std::string> read_services(Reader& in);
void write_services(const std::vector<std::string>& services, Writer& out);

}  // namespace fob::control
