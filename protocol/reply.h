#pragma once

#include <string>
#include <variant>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/request.h"

namespace fob {

/// The replies of RFC 9987 §4, each with its read and its write side. They own what they hold.

struct Failure {};
struct Success {};
/// §4.8: a known extension that failed; an unknown one gets Failure.
struct ExtensionFailure {};

/// §4.4.
struct IdentitiesAnswer {
  struct Identity {
    Bytes key_blob;
    std::string comment;
  };
  std::vector<Identity> identities;

  static IdentitiesAnswer read(Reader& in);
  void write(Writer& out) const;
};

/// §4.6.
struct SignResponse {
  Bytes signature;

  static SignResponse read(Reader& in);
  void write(Writer& out) const;
};

/// §4.8: the name of the extension, then what it defines.
struct ExtensionResponse {
  std::string name;
  Bytes contents;

  static ExtensionResponse read(Reader& in);
  void write(Writer& out) const;
};

using Reply = std::variant<Failure, Success, ExtensionFailure, IdentitiesAnswer, SignResponse, ExtensionResponse>;

/// From a whole message without its length word; 30 and 102 count as Failure, as in OpenSSH's clients. Errors:
/// malformed, unsupported.
Reply parse_reply(ByteView message);

/// A whole message with its length word.
Bytes frame_reply(const Reply& reply);

}  // namespace fob
