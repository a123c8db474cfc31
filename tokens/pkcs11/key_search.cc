#include "tokens/pkcs11/key_search.h"

#include <algorithm>
#include <map>

#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "tokens/pkcs11/public_key.h"

namespace fob::pkcs11 {
namespace {

/// A longer label is of no use for a name.
constexpr std::size_t read_label_bytes = 1024;
/// Objects of a class on a token; a key may have several certificates.
constexpr std::size_t most_objects = 2 * limits::pkcs11_keys;

struct Object {
  CK_OBJECT_HANDLE handle = 0;
  Bytes id;
  std::string label;
};

struct PrivateObject : Object {
  std::optional<CK_ULONG> type;
  bool signs = false;
  bool opens = false;
  bool always_authenticate = false;

  bool serves(Purpose purpose) const { return purpose == Purpose::signing ? signs : opens; }
};

/// A key, and what its objects say of its use as far as they say it.
struct KnownKey : FoundKey {
  std::optional<bool> certified_to_sign;
  bool public_half_verifies = true;
  bool private_half_signs = false;
  bool private_half_opens = false;
};

/// libykcs11 says of every key that it decrypts, and of none that it derives, though those on curves do.
bool may_open(std::optional<CK_ULONG> type, const Attributes& values) {
  const std::optional<bool> decrypts = values.flag(CKA_DECRYPT);
  if (type == CKK_RSA) return decrypts.value_or(true);
  return type == CKK_EC && (values.flag(CKA_DERIVE).value_or(true) || decrypts.value_or(false));
}

/// The keys of one CKA_ID or label, as far as they are known.
struct Group {
  std::vector<KnownKey> keys;
  std::vector<std::string> labels;
};

class Search {
 public:
  Search(const SessionRef& session, const Uri& uri)
      : session_(session), uri_(uri), id_(uri.id()), label_(uri.label()) {}

  std::vector<FoundKey> run(bool all_visible, Purpose purpose) {
    for (const CK_OBJECT_HANDLE object : objects(CKO_PUBLIC_KEY)) add_public(object);
    for (const CK_OBJECT_HANDLE object : objects(CKO_CERTIFICATE)) add_certificate(object);
    std::vector<PrivateObject> privates;
    for (const CK_OBJECT_HANDLE object : objects(CKO_PRIVATE_KEY)) privates.push_back(read_private(object));
    std::stable_partition(privates.begin(), privates.end(),
                          [purpose](const PrivateObject& object) { return object.serves(purpose); });
    for (const PrivateObject& object : privates) add_private(object);
    return take(all_visible);
  }

 private:
  std::vector<CK_OBJECT_HANDLE> objects(CK_OBJECT_CLASS object_class) {
    Template wanted;
    wanted.number(CKA_CLASS, object_class);
    if (id_) wanted.bytes(CKA_ID, *id_);
    return find_objects(session_, wanted, most_objects);
  }

  static void read_names(Object& out, const Attributes& values) {
    if (const auto id = values.bytes(CKA_ID)) out.id = to_bytes(*id);
    out.label = values.text(CKA_LABEL);
  }

  Group& group_of(const Object& object) {
    const std::string key = object.id.empty() ? "label " + object.label : "id " + std::string(as_text(object.id));
    Group& group = groups_[key];
    if (!object.label.empty()) group.labels.push_back(object.label);
    return group;
  }

  KnownKey& add_key(const Object& object, PublicKey key, std::string shown_name) {
    Group& group = group_of(object);
    for (KnownKey& known : group.keys) {
      if (!equal(known.public_key.blob, key.blob)) continue;
      if (known.shown_name.empty()) known.shown_name = std::move(shown_name);
      return known;
    }
    KnownKey& added = group.keys.emplace_back();
    added.id = object.id;
    added.shown_name = std::move(shown_name);
    added.public_key = std::move(key);
    return added;
  }

  void add_public(CK_OBJECT_HANDLE handle) {
    std::optional<PublicKey> key = public_key_of(session_, handle);
    if (!key) return;
    Object object;
    const Attributes values(session_, handle,
                            {{CKA_ID, limits::object_id_bytes},
                             {CKA_LABEL, read_label_bytes},
                             {CKA_VERIFY, sizeof(CK_BBOOL)},
                             {CKA_DERIVE, sizeof(CK_BBOOL)}});
    read_names(object, values);
    KnownKey& added = add_key(object, std::move(*key), object.label);
    // Of keys that were made to derive: others may not care what their public half says.
    const bool only_derives = !values.flag(CKA_VERIFY).value_or(true) && values.flag(CKA_DERIVE).value_or(false);
    if (only_derives) added.public_half_verifies = false;
  }

  void add_certificate(CK_OBJECT_HANDLE handle) {
    const Attributes values(
        session_, handle,
        {{CKA_ID, limits::object_id_bytes}, {CKA_LABEL, read_label_bytes}, {CKA_VALUE, limits::certificate_bytes}});
    const std::optional<ByteView> value = values.bytes(CKA_VALUE);
    std::optional<CertifiedKey> certified = value ? certified_key(*value) : std::nullopt;
    if (!certified) return;
    Object object;
    read_names(object, values);
    KnownKey& added =
        add_key(object, std::move(certified->key), object.label.empty() ? certified->subject : object.label);
    if (certified->signs) added.certified_to_sign = added.certified_to_sign.value_or(false) || *certified->signs;
  }

  PrivateObject read_private(CK_OBJECT_HANDLE handle) {
    const Attributes values(session_, handle,
                            {{CKA_ID, limits::object_id_bytes},
                             {CKA_LABEL, read_label_bytes},
                             {CKA_KEY_TYPE, Attributes::number_bytes},
                             {CKA_SIGN, sizeof(CK_BBOOL)},
                             {CKA_DECRYPT, sizeof(CK_BBOOL)},
                             {CKA_DERIVE, sizeof(CK_BBOOL)},
                             {CKA_ALWAYS_AUTHENTICATE, sizeof(CK_BBOOL)}});
    PrivateObject out;
    out.handle = handle;
    read_names(out, values);
    out.type = values.number(CKA_KEY_TYPE);
    out.signs = values.flag(CKA_SIGN).value_or(true);
    out.opens = may_open(out.type, values);
    out.always_authenticate = values.flag(CKA_ALWAYS_AUTHENTICATE).value_or(false);
    return out;
  }

  /// To every key that may be its own: whose numbers it shows, or else which is of its type.
  void add_private(const PrivateObject& object) {
    std::optional<PublicKey> own = public_key_of(session_, object.handle);
    const auto fits = [&](const FoundKey& key) {
      return own ? equal(own->blob, key.public_key.blob) : key_type_of(key.public_key.kind) == object.type;
    };
    Group& group = group_of(object);
    if (own && std::none_of(group.keys.begin(), group.keys.end(), fits)) add_key(object, *own, object.label);
    for (KnownKey& key : group.keys) {
      if (!fits(key)) continue;
      key.private_half_signs = key.private_half_signs || object.signs;
      key.private_half_opens = key.private_half_opens || object.opens;
      if (key.private_objects.empty()) key.always_authenticate = object.always_authenticate;
      key.private_objects.push_back(object.handle);
    }
  }

  /// A label goes into a key's URI only where all of its objects agree: other programs look for the private key by it.
  static std::string common_label(const Group& group) {
    const auto& labels = group.labels;
    const bool agree = std::all_of(labels.begin(), labels.end(), [&](const auto& label) { return label == labels[0]; });
    return labels.empty() || !agree ? std::string() : labels[0];
  }

  static void tell_uses(KnownKey& key) {
    const bool hidden = key.private_objects.empty();
    key.signs = (hidden || key.private_half_signs) && key.public_half_verifies && key.certified_to_sign.value_or(true);
    const KeyKind kind = key.public_key.kind;
    key.opens = (kind == KeyKind::rsa || is_ecdsa(kind)) && (hidden || key.private_half_opens);
  }

  std::vector<FoundKey> take(bool all_visible) {
    std::vector<FoundKey> out;
    for (auto& [name, group] : groups_) {
      const bool is_named =
          !label_ || std::find(group.labels.begin(), group.labels.end(), *label_) != group.labels.end();
      if (!is_named || !uri_.may_name_key()) continue;
      for (KnownKey& key : group.keys) {
        if (all_visible && key.private_objects.empty()) continue;
        key.label = common_label(group);
        key.shown_name = printable(key.shown_name, limits::label_bytes);
        tell_uses(key);
        out.push_back(std::move(key));
      }
    }
    return out;
  }

  const SessionRef session_;
  const Uri& uri_;
  const std::optional<Bytes> id_;
  const std::optional<std::string> label_;
  std::map<std::string, Group> groups_;
};

}  // namespace

std::vector<FoundKey> find_keys(const SessionRef& session, const Uri& uri, bool all_visible, Purpose purpose) {
  return Search(session, uri).run(all_visible, purpose);
}

}  // namespace fob::pkcs11
