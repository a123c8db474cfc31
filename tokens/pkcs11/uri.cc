#include "tokens/pkcs11/uri.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "protocol/error.h"
#include "protocol/pkcs11_info.h"
#include "tokens/pkcs11/piv_slot.h"
#include "tokens/pkcs11/token_info.h"

namespace fob::pkcs11 {
namespace {

ByteView value_of(const CK_ATTRIBUTE& attribute) {
  return {static_cast<const std::uint8_t*>(attribute.pValue), attribute.ulValueLen};
}

void set(P11KitUri* uri, CK_ATTRIBUTE_TYPE type, ByteView value) {
  // p11-kit copies it.
  CK_ATTRIBUTE attribute{type, const_cast<std::uint8_t*>(value.data()), value.size()};
  if (p11_kit_uri_set_attribute(uri, &attribute) != P11_KIT_URI_OK) throw std::bad_alloc();
}

/// What tells a token from others for as long as it lives. OpenSC calls a PIV card by the certificate in its slot 9a,
/// which comes and goes.
CK_TOKEN_INFO lasting(const CK_TOKEN_INFO& token) {
  CK_TOKEN_INFO out = token;
  if (piv_module_of(manufacturer_of(token), model_of(token)) == PivModule::opensc) {
    std::memset(out.label, 0, sizeof(out.label));
  }
  return out;
}

}  // namespace

Uri::Uri(const std::string& text) : uri_(make()) {
  check_pkcs11_uri(text);
  const int result = p11_kit_uri_parse(text.c_str(), P11_KIT_URI_FOR_ANY, uri_.get());
  if (result != P11_KIT_URI_OK)
    throw Error(Errc::malformed, "bad PKCS#11 URI: " + std::string(p11_kit_uri_message(result)));
  P11KitUri* const uri = uri_.get();
  if (p11_kit_uri_get_pin_value(uri) != nullptr || p11_kit_uri_get_pin_source(uri) != nullptr) {
    throw Error(Errc::malformed,
                "a PKCS#11 URI must not hold a PIN, nor say where one is: leave out pin-value, pin-source");
  }
  if (p11_kit_uri_get_module_path(uri) != nullptr || p11_kit_uri_get_module_name(uri) != nullptr) {
    throw Error(Errc::malformed, "a PKCS#11 URI must not name a library: leave out module-path, module-name");
  }
  if (p11_kit_uri_any_unrecognized(uri) != 0) {
    throw Error(Errc::malformed, "a PKCS#11 URI with an attribute that is not in RFC 7512");
  }
}

bool Uri::names(const CK_INFO& library, const SlotToken& token) const {
  const CK_SLOT_ID wanted_slot = p11_kit_uri_get_slot_id(uri_.get());
  if (wanted_slot != CK_UNAVAILABLE_INFORMATION && wanted_slot != token.slot) return false;
  return p11_kit_uri_match_module_info(uri_.get(), &library) == 1 &&
         p11_kit_uri_match_slot_info(uri_.get(), &token.slot_info) == 1 &&
         p11_kit_uri_match_token_info(uri_.get(), &token.info) == 1;
}

std::optional<Bytes> Uri::id() const {
  const CK_ATTRIBUTE* const found = attribute(CKA_ID);
  return found == nullptr ? std::nullopt : std::optional(to_bytes(value_of(*found)));
}

std::optional<std::string> Uri::label() const {
  const CK_ATTRIBUTE* const found = attribute(CKA_LABEL);
  return found == nullptr ? std::nullopt : std::optional(std::string(as_text(value_of(*found))));
}

bool Uri::may_name_key() const {
  const CK_ATTRIBUTE* const found = attribute(CKA_CLASS);
  if (found == nullptr || found->ulValueLen != sizeof(CK_OBJECT_CLASS)) return found == nullptr;
  const CK_OBJECT_CLASS wanted = *static_cast<const CK_OBJECT_CLASS*>(found->pValue);
  return wanted == CKO_PRIVATE_KEY || wanted == CKO_PUBLIC_KEY || wanted == CKO_CERTIFICATE;
}

std::string Uri::of_token(const CK_TOKEN_INFO& token) {
  const Handle uri = make();
  *p11_kit_uri_get_token_info(uri.get()) = lasting(token);
  return format(uri, P11_KIT_URI_FOR_TOKEN);
}

std::string Uri::of_key(const CK_TOKEN_INFO& token, ByteView id, std::string_view label) {
  const Handle uri = make();
  *p11_kit_uri_get_token_info(uri.get()) = lasting(token);
  if (!id.empty()) set(uri.get(), CKA_ID, id);
  if (!label.empty()) set(uri.get(), CKA_LABEL, as_bytes(label));
  const CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
  set(uri.get(), CKA_CLASS, {reinterpret_cast<const std::uint8_t*>(&object_class), sizeof(object_class)});
  return format(uri, P11_KIT_URI_FOR_OBJECT_ON_TOKEN);
}

Uri::Handle Uri::make() {
  Handle out(p11_kit_uri_new());
  if (!out) throw std::bad_alloc();
  return out;
}

std::string Uri::format(const Handle& uri, P11KitUriType type) {
  char* text = nullptr;
  if (p11_kit_uri_format(uri.get(), type, &text) != P11_KIT_URI_OK) throw std::bad_alloc();
  const std::unique_ptr<char, decltype(&std::free)> owner(text, &std::free);
  return text;
}

const CK_ATTRIBUTE* Uri::attribute(CK_ATTRIBUTE_TYPE type) const { return p11_kit_uri_get_attribute(uri_.get(), type); }

}  // namespace fob::pkcs11
