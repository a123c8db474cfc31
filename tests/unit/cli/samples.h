#pragma once

#include "protocol/control_reply.h"
#include "tests/unit/cli/fake_agent.h"

namespace fob::test {

/// Messages for tests of the fob command: a token that has everything, and keys out of tests/data.
control::Token sample_token(const std::string& id);
/// A token in software: of the URI that p11-kit makes for it.
control::Token sample_pkcs11_token(const std::string& label, const std::string& serial);
/// A PIV card that belongs to sample_token.
control::Token sample_piv_token();
/// A key named so on a PKCS#11 token, with a URI. `public_key`: a file of tests/data.
control::Key sample_pkcs11_key(const std::string& name, const std::string& public_key = "key_files/software_p256.pub");
/// `public_key`: a file of tests/data.
control::Key sample_key(const std::string& name, const std::string& public_key = "openssh/sshkey/ecdsa_sk1.pub");
/// The key and comment in the unencrypted key file tests/data/key_files/ecdsa_sk, or another of that folder.
control::Exported sample_export(const std::string& file = "ecdsa_sk");
/// As an agent would make one.
inline constexpr std::string_view sample_recovery_code = "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ23-4567-ABCD";
SecretBytes sample_code();
/// A slot of each kind, by their ids 1 to 4.
control::Slots sample_slots();
/// Two uses, one of them refused, and a touch that is waited for.
control::Activity sample_activity(std::uint64_t number);

/// For FakeAgent: an agent with some of these, that keeps and forgets whatever it is told to.
void serve(const control::Request& request, Peer& peer);
/// As serve, and makes keys.
void serve_new(const control::Request& request, Peer& peer);
/// As serve, of an agent whose vault is new with the key that it makes or imports, and holds the key "safe".
void serve_vault(const control::Request& request, Peer& peer);
/// As serve, of an agent whose tokens are sample_piv_token, sample_token and two in software, and whose key "work" is
/// on one of those.
void serve_pkcs11(const control::Request& request, Peer& peer);

}  // namespace fob::test
