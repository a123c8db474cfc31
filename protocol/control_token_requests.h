#pragma once

#include <string>

#include "protocol/wire.h"

/// What `fob` asks about tokens as a whole; see control_request.h.
namespace fob::control {

/// How a request names a token: "fido" (the only one that is plugged in), an id of ListTokens, or a PKCS#11 URI that
/// matches one token. At most limits::uri_bytes.
using TokenName = std::string;

/// Throws malformed where it is too long, or begins as a PKCS#11 URI and is none.
TokenName read_token_name(Reader& in);

struct ListTokens {
  static ListTokens read(Reader&) { return {}; }
  void write(Writer&) const {}
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
/// Sets a PIN anew where it is blocked: the agent asks for PUK or SO PIN.
struct UnblockPin {
  TokenName on;

  static UnblockPin read(Reader& in);
  void write(Writer& out) const;
};
/// Of a PKCS#11 token: its keys, named by URI in place of key handle.
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

}  // namespace fob::control
