#include "tests/daemon/session.h"

namespace fob {
namespace {

constexpr std::uint8_t userauth_request = 50;

Writer login_fields(const PublicKey& key, std::string_view session_id, std::string_view user, std::string_view method) {
  Writer out;
  out.string(session_id).u8(userauth_request).string(user).string("ssh-connection").string(method).boolean(true);
  out.string(key.type_name()).string(key.blob);
  return out;
}

}  // namespace

Bytes session_bind(const TestKey& host_key, std::string_view session_id, bool is_forwarding,
                   std::string_view rsa_algorithm) {
  const Bytes signature = host_key.sign(as_bytes(session_id), rsa_algorithm);
  Writer out;
  out.string(host_key.blob()).string(session_id).string(signature).boolean(is_forwarding);
  return out.take();
}

Bytes login(const PublicKey& key, std::string_view session_id, std::string_view user) {
  return login_fields(key, session_id, user, "publickey").take();
}

Bytes hostbound_login(const PublicKey& key, std::string_view session_id, std::string_view user,
                      const PublicKey& host_key) {
  Writer out = login_fields(key, session_id, user, "publickey-hostbound-v00@openssh.com");
  out.string(host_key.blob);
  return out.take();
}

Bytes sshsig_message() {
  Writer out;
  out.raw(as_bytes("SSHSIG")).string("git").string("").string("sha512").string(std::string(64, 'h'));
  return out.take();
}

Hop host(std::string_view name, const PublicKey& key, std::string_view user) {
  return {std::string(user), std::string(name), {{key, false}}};
}

Hop host_of_authority(std::string_view name, const PublicKey& authority) {
  return {"", std::string(name), {{authority, true}}};
}

DestinationConstraint from_origin(Hop to) { return {{}, std::move(to)}; }
DestinationConstraint via(Hop from, Hop to) { return {std::move(from), std::move(to)}; }

Constraints destinations(std::vector<DestinationConstraint> list) {
  Constraints out;
  out.destinations = std::move(list);
  return out;
}

}  // namespace fob
