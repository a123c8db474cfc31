#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/private_key.h"
#include "protocol/wire.h"

/// What `fob` and the agent say to each other over the control socket, which ssh never forwards: a u32 length (at most
/// limits::message_bytes), a type byte and SSH wire types (RFC 4251 §5), as on the agent socket.
///
/// The client sends one request. The agent answers with any number of notices and questions, and one reply at last; the
/// client answers each question with Answer before the agent goes on. Closing the connection cancels the request.
/// docs/control-protocol.md has the numbers.
namespace fob::control {

/// How a request names a token: "fido" (the only one that is plugged in), "fido:SERIAL", or an id of ListTokens.
using TokenName = std::string;

struct ListTokens {
  static ListTokens read(Reader&) { return {}; }
  void write(Writer&) const {}
};
struct ListKeys {
  static ListKeys read(Reader&) { return {}; }
  void write(Writer&) const {}
};
/// Generates a key on a token, and keeps what is needed to use it under `name`.
struct NewKey {
  std::string name;  ///< letters, digits, '.', '_', '-'; at most limits::key_name_bytes
  TokenName on;
  KeyKind kind = KeyKind::sk_ecdsa_p256;
  std::string application;  ///< "ssh:" or "ssh:…"
  std::string user;         ///< of a resident credential
  std::string comment;
  Bytes challenge;  ///< for the attestation; empty: random
  bool resident = false;
  bool verify_required = false;
  bool no_touch = false;
  bool replace_resident = false;  ///< a resident credential of the same application and user may be overwritten

  static NewKey read(Reader& in);
  void write(Writer& out) const;
};
/// Keeps an sk key that another tool made. The private key is the key handle, not a secret number.
struct ImportKey {
  std::string name;
  std::string comment;
  PrivateKey key;

  static ImportKey read(Reader& in);
  void write(Writer& out) const;
};
struct ExportKey {
  std::string name;

  static ExportKey read(Reader& in);
  void write(Writer& out) const;
};
/// Forgets a kept key; `from_token` also deletes a resident credential.
struct RemoveKey {
  std::string name;
  bool from_token = false;

  static RemoveKey read(Reader& in);
  void write(Writer& out) const;
};
/// Sets the first PIN, or changes it: the agent asks for them.
struct SetPin {
  TokenName on;

  static SetPin read(Reader& in);
  void write(Writer& out) const;
};
struct ChangePin {
  TokenName on;

  static ChangePin read(Reader& in);
  void write(Writer& out) const;
};
struct ListResident {
  TokenName on;

  static ListResident read(Reader& in);
  void write(Writer& out) const;
};
struct RemoveResident {
  TokenName on;
  Bytes key_handle;

  static RemoveResident read(Reader& in);
  void write(Writer& out) const;
};
struct RenameResident {
  TokenName on;
  Bytes key_handle;
  std::string user;

  static RenameResident read(Reader& in);
  void write(Writer& out) const;
};
/// Erases the token; the agent asks for its name first.
struct ResetToken {
  TokenName on;

  static ResetToken read(Reader& in);
  void write(Writer& out) const;
};
/// To a Question. `given` false: the person declined.
struct Answer {
  bool given = false;
  SecretBytes text;

  static Answer read(Reader& in);
  void write(Writer& out) const;
};

using Request = std::variant<ListTokens, ListKeys, NewKey, ImportKey, ExportKey, RemoveKey, SetPin, ChangePin,
                             ListResident, RemoveResident, RenameResident, ResetToken, Answer>;

/// Throws Error{Errc::malformed} unless `name` can name a kept key: 1 to limits::key_name_bytes letters, digits, '.',
/// '_' and '-', not beginning with '.' or '-', so that it is a file name and no option.
void check_key_name(std::string_view name);

/// From a whole message without its length word; nothing may be left over. Errors: malformed, unsupported, too_large.
Request parse_request(ByteView message);
/// A whole message with its length word.
Bytes frame_request(const Request& request);

}  // namespace fob::control
