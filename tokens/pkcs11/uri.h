#pragma once

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include <memory>
#include <optional>
#include <string>

#include "protocol/bytes.h"

namespace fob::pkcs11 {

/// A token with the slot that it is in.
struct SlotToken {
  CK_SLOT_ID slot = 0;
  CK_SLOT_INFO slot_info{};
  CK_TOKEN_INFO info{};
};

/// A PKCS#11 URI (RFC 7512), by p11-kit.
class Uri {
 public:
  /// Errors: malformed: no PKCS#11 URI, an attribute that is not known, or one that a URI must not bring here: a PIN
  /// (pin-value, pin-source) or a library (module-path, module-name).
  explicit Uri(const std::string& text);

  /// Whether what the URI says of library, slot and token is so.
  bool names(const CK_INFO& library, const SlotToken& token) const;
  /// What it says of objects (CKA_ID, CKA_LABEL).
  std::optional<Bytes> id() const;
  std::optional<std::string> label() const;
  /// False where it asks for something that is neither a key pair nor a certificate (type=data, type=secret-key).
  bool may_name_key() const;

  static std::string of_token(const CK_TOKEN_INFO& token);
  /// Of a private key. An empty `id` or `label` is left out.
  static std::string of_key(const CK_TOKEN_INFO& token, ByteView id, std::string_view label);

 private:
  struct Deleter {
    void operator()(P11KitUri* uri) const { p11_kit_uri_free(uri); }
  };
  using Handle = std::unique_ptr<P11KitUri, Deleter>;

  static Handle make();
  static std::string format(const Handle& uri, P11KitUriType type);
  const CK_ATTRIBUTE* attribute(CK_ATTRIBUTE_TYPE type) const;

  Handle uri_;
};

}  // namespace fob::pkcs11
